# Where the cmdlets are sent, and as whom.

function Connect-Postern {
<#
.SYNOPSIS
Connects to a Postern server for the cmdlets that follow.
.DESCRIPTION
Takes an API token, as 'postern token add NAME --role security-administrator' prints it. The token can be a
secure string, a credential whose password it is (the user name may be anything), or plain text from a secret
vault. It is held in memory only, and appears in no stream, error or transcript.

A connection that fails leaves an earlier one as it was.
.PARAMETER Uri
The portal's address, such as postern.contoso.com. Without a scheme it is https. Default: $env:POSTERN_URI.
.PARAMETER Token
An API token: a secure string or text. Default: $env:POSTERN_TOKEN.
.PARAMETER Credential
A credential whose password is an API token.
.PARAMETER Organization
The organization, by its id or one of its domains. Default: the token's own, or the server's first one.
.EXAMPLE
Connect-Postern postern.contoso.com -Token (Read-Host -AsSecureString)

Asks for the token and connects.
.EXAMPLE
Get-Secret postern | Connect-Postern -Uri https://postern.contoso.com

Takes the token from a secret vault.
.EXAMPLE
Connect-Postern

Takes address and token from POSTERN_URI and POSTERN_TOKEN.
.INPUTS
System.Security.SecureString, System.Management.Automation.PSCredential or System.String: the token.
.OUTPUTS
None.
.NOTES
http is accepted for the loopback address only: elsewhere the token would be sent unprotected.
.LINK
Get-PosternConnection
.LINK
about_Postern
#>
    [CmdletBinding(DefaultParameterSetName = 'Token', HelpUri = 'https://postern.example/docs/exchange.md#from-powershell')]
    param(
        [Parameter(Position = 0)]
        [AllowEmptyString()]
        [string]$Uri,

        [Parameter(ParameterSetName = 'Token', ValueFromPipeline = $true)]
        [AllowNull()]
        [object]$Token,

        [Parameter(Mandatory = $true, ParameterSetName = 'Credential')]
        [AllowNull()]
        [object]$Credential,

        [string]$Organization
    )
    process {
        $base = Resolve-PosternUri -Cmdlet $PSCmdlet -Uri $Uri
        $secret = if ($PSCmdlet.ParameterSetName -eq 'Credential') { $Credential } else { $Token }
        $connection = @{
            Base         = $base
            Credential   = Resolve-PosternToken -Cmdlet $PSCmdlet -Secret $secret
            Organization = 'default'
            Client       = New-PosternClient
            About        = $null
        }
        $connection.About = Read-PosternServer -Cmdlet $PSCmdlet -Connection $connection -Organization $Organization
        Disconnect-Postern
        $script:Connection = $connection
        $versions = $connection.About
        if ($versions.ServerVersion -ne $versions.ModuleVersion) {
            $PSCmdlet.WriteWarning(
                "This module has version $($versions.ModuleVersion), the server $($versions.ServerVersion): cmdlets may differ. " +
                "Install the server's module: 'postern powershell DIR' on its machine, or Settings in the portal.")
        }
    }
}

function Disconnect-Postern {
<#
.SYNOPSIS
Ends the connection and forgets the token.
.DESCRIPTION
Cmdlets that follow are refused until Connect-Postern connects again.
.EXAMPLE
Disconnect-Postern

Ends the connection.
.OUTPUTS
None.
.NOTES
The token stays valid; 'postern token revoke NAME' ends it.
.LINK
Connect-Postern
#>
    [CmdletBinding(HelpUri = 'https://postern.example/docs/exchange.md#from-powershell')]
    param()
    $connection = $script:Connection
    $script:Connection = $null
    if ($null -ne $connection) { $connection.Client.Dispose() }
}

function Get-PosternConnection {
<#
.SYNOPSIS
Shows where the cmdlets are sent, as whom and with which role.
.DESCRIPTION
Nothing is shown when there is no connection. The token is not shown.
.EXAMPLE
Get-PosternConnection

Shows the connection.
.OUTPUTS
Postern.Connection
.LINK
Connect-Postern
#>
    [CmdletBinding(HelpUri = 'https://postern.example/docs/exchange.md#from-powershell')]
    [OutputType('Postern.Connection')]
    param()
    if ($null -eq $script:Connection) { return }
    $script:Connection.About
}

# The address without a slash at the end; what would send the token unprotected ends the call.
function Resolve-PosternUri {
    param($Cmdlet, [string]$Uri)
    if (-not $Uri) { $Uri = $env:POSTERN_URI }
    if (-not $Uri) {
        Stop-PosternCall $Cmdlet (New-PosternErrorRecord -Id 'NoAddress' -Category InvalidArgument -Message (
            'Uri: there is no address; name the portal''s, such as postern.contoso.com, or set $env:POSTERN_URI.'))
    }
    $text = $Uri.Trim()
    if ($text -notmatch '^[A-Za-z][A-Za-z0-9+.-]*://') {
        $name = if ($text -match '^(\[[^\]]*\]|[^:/]*)') { $Matches[1] }
        $scheme = if ($name -in 'localhost', '127.0.0.1', '[::1]') { 'http' } else { 'https' }
        $text = '{0}://{1}' -f $scheme, $text
    }
    $parsed = $null
    $isAddress = [uri]::TryCreate($text, [UriKind]::Absolute, [ref]$parsed) -and $parsed.Host -and $parsed.Scheme -in 'http', 'https'
    if (-not $isAddress -or $parsed.UserInfo) {
        Stop-PosternCall $Cmdlet (New-PosternErrorRecord -Id 'InvalidAddress' -Category InvalidArgument -Target $parsed.Host -Message (
            'Uri: this is no address of a portal; expected one such as https://postern.contoso.com.'))
    }
    if ($parsed.Scheme -eq 'http' -and -not $parsed.IsLoopback) {
        Stop-PosternCall $Cmdlet (New-PosternErrorRecord -Id 'UnprotectedAddress' -Category InvalidArgument -Target $text -Message (
            "Uri: '$text' would send the token unprotected; use https://$($parsed.Authority)."))
    }
    $parsed.GetLeftPart([UriPartial]::Path).TrimEnd('/')
}

# The token as the password of a credential. It is never the value of a variable: Set-PSDebug prints those.
function Resolve-PosternToken {
    param($Cmdlet, $Secret)
    if ($null -eq $Secret -and $env:POSTERN_TOKEN) {
        $Secret = [System.Net.NetworkCredential]::new('token', $env:POSTERN_TOKEN.Trim()).SecurePassword
    }
    if ($Secret -is [psobject]) { $Secret = $Secret.PSObject.BaseObject }
    if ($Secret -is [System.Management.Automation.PSCredential]) { return $Secret }
    if ($Secret -is [string] -and $Secret.Trim()) {
        $Secret = [System.Net.NetworkCredential]::new('token', $Secret.Trim()).SecurePassword
    }
    if ($Secret -is [securestring] -and $Secret.Length -gt 0) {
        return [System.Management.Automation.PSCredential]::new('token', $Secret)
    }
    Stop-PosternCall $Cmdlet (New-PosternErrorRecord -Id 'NoToken' -Category AuthenticationError -Message (
        "There is no token; give -Token (Read-Host -AsSecureString), -Credential, or set `$env:POSTERN_TOKEN. " +
        "'postern token add NAME --role security-administrator' prints one."))
}

function New-PosternClient {
    if ($PSVersionTable.PSEdition -ne 'Core') {
        # Older .NET offers less than TLS 1.2 unless it is asked to.
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    }
    $handler = [System.Net.Http.HttpClientHandler]::new()
    # A redirect would take the token to another server.
    $handler.AllowAutoRedirect = $false
    $handler.UseCookies = $false
    $handler.AutomaticDecompression = [System.Net.DecompressionMethods]::GZip
    $client = [System.Net.Http.HttpClient]::new($handler)
    $client.Timeout = [timespan]::FromSeconds(100)
    $client
}

# Who the token is and what the server is; nothing is believed that does not answer.
function Read-PosternServer {
    param($Cmdlet, $Connection, [string]$Organization)
    $me = Send-PosternRequest -Cmdlet $Cmdlet -Connection $Connection -Method Get -Path '/api/v1/me'
    if ($me.Error) { Stop-PosternCall $Cmdlet $me.Error }
    $own = $me.Value.PSObject.Properties['organization']
    if ($Organization) { $Connection.Organization = $Organization }
    elseif ($own -and $own.Value) { $Connection.Organization = $own.Value }
    $path = '/adminapi/v1.0/{0}' -f [uri]::EscapeDataString($Connection.Organization)
    $about = Send-PosternRequest -Cmdlet $Cmdlet -Connection $Connection -Method Get -Path $path -Target $Connection.Organization
    if ($about.Error) { Stop-PosternCall $Cmdlet $about.Error }
    $Connection.Organization = $about.Value.organization
    $object = [pscustomobject][ordered]@{
        Uri              = $Connection.Base
        Organization     = $about.Value.organization
        OrganizationName = $about.Value.organizationName
        User             = $me.Value.name
        Roles            = [string[]]@($me.Value.role)
        ServerVersion    = $about.Value.version
        ModuleVersion    = $ExecutionContext.SessionState.Module.Version.ToString()
    }
    $object.PSObject.TypeNames.Insert(0, 'Postern.Connection')
    $object
}

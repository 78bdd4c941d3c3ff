# Exchange's cmdlets for outbound spam, against Postern. Works in Windows PowerShell 5.1 and PowerShell 7.
Set-StrictMode -Version 2.0

$script:Connection = $null

function Connect-Postern {
<#
.SYNOPSIS
Signs in to a Postern for the cmdlets that follow.
.DESCRIPTION
Takes an API token, as `postern token add NAME --role security-administrator` makes one: by itself, or as
the password of a credential, whose user name may be anything.
.PARAMETER Uri
Where the portal is, such as https://postern.contoso.com.
.PARAMETER Credential
A credential whose password is an API token.
.PARAMETER Token
An API token.
.PARAMETER Organization
The organization, by its id or one of its domains. By itself the first one.
.EXAMPLE
Connect-Postern -Uri https://postern.contoso.com -Credential (Get-Credential)
.EXAMPLE
Connect-Postern https://postern.contoso.com -Token (Read-Host -AsSecureString)
#>
    [CmdletBinding(DefaultParameterSetName = 'Credential')]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [uri]$Uri,

        [Parameter(Mandatory = $true, ParameterSetName = 'Credential')]
        [pscredential]$Credential,

        [Parameter(Mandatory = $true, ParameterSetName = 'Token')]
        [securestring]$Token,

        [string]$Organization = 'default'
    )
    $loopback = $Uri.IsLoopback
    if (-not $Uri.IsAbsoluteUri -or ($Uri.Scheme -ne 'https' -and -not ($Uri.Scheme -eq 'http' -and $loopback))) {
        throw "Uri: '$Uri' would send the token unprotected; expected an address such as https://postern.contoso.com."
    }
    if ($PSCmdlet.ParameterSetName -eq 'Token') {
        $Credential = New-Object System.Management.Automation.PSCredential('token', $Token)
    }
    if ($PSVersionTable.PSEdition -ne 'Core') {
        # Older ones offer less by themselves.
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    }
    $before = $script:Connection
    $script:Connection = @{
        Base         = $Uri.AbsoluteUri.TrimEnd('/')
        Organization = [uri]::EscapeDataString($Organization)
        Credential   = $Credential
    }
    try {
        # Nothing is believed that does not answer.
        $null = Invoke-PosternRequest -Method Get -Path 'EXOModuleFile?Version=1'
    } catch {
        $script:Connection = $before
        throw
    }
}

function Disconnect-Postern {
<#
.SYNOPSIS
Forgets the sign-in.
.EXAMPLE
Disconnect-Postern
#>
    [CmdletBinding()]
    param()
    $script:Connection = $null
}

# Functions of a module don't see the preferences of the script that calls them; this lets the caller's
# function see them.
function Import-PosternPreference {
    param($Cmdlet, [System.Collections.IDictionary]$Bound)
    $preferences = @{
        ErrorActionPreference = 'ErrorAction'
        WarningPreference     = 'WarningAction'
        WhatIfPreference      = 'WhatIf'
        ConfirmPreference     = 'Confirm'
    }
    foreach ($name in $preferences.Keys) {
        if ($Bound.ContainsKey($preferences[$name])) { continue }
        $value = $Cmdlet.SessionState.PSVariable.GetValue($name)
        if ($null -ne $value) { Set-Variable -Name $name -Value $value -Scope 1 }
    }
}

# One request; what was answered, as objects.
function Invoke-PosternRequest {
    param([string]$Method, [string]$Path, [string]$Body)
    if ($null -eq $script:Connection) {
        throw 'You are not connected; run Connect-Postern first.'
    }
    $address = '{0}/adminapi/v1.0/{1}/{2}' -f $script:Connection.Base, $script:Connection.Organization, $Path
    $token = $script:Connection.Credential.GetNetworkCredential().Password
    $request = @{
        Uri             = $address
        Method          = $Method
        Headers         = @{ Authorization = "Bearer $token"; Prefer = 'odata.maxpagesize=1000' }
        UseBasicParsing = $true
        ErrorAction     = 'Stop'
    }
    if ($Body) {
        $request.Body = [Text.Encoding]::UTF8.GetBytes($Body)
        $request.ContentType = 'application/json; charset=utf-8'
    }
    try {
        $answer = Invoke-WebRequest @request
    } catch {
        throw (Read-PosternError $_)
    }
    # Windows PowerShell reads JSON as Latin-1 by itself.
    $text = [Text.Encoding]::UTF8.GetString($answer.RawContentStream.ToArray())
    if ($text) { ConvertFrom-Json $text }
}

# What the server said, or what went wrong on the way to it.
function Read-PosternError {
    param($Failure)
    $text = $null
    if ($Failure.ErrorDetails) { $text = $Failure.ErrorDetails.Message }
    if (-not $text) { return $Failure.Exception.Message }
    try { $told = ConvertFrom-Json $text } catch { return $text }
    if ($told.PSObject.Properties['error']) { return $told.error.message }
    if ($told.PSObject.Properties['detail']) { return $told.detail }
    $text
}

# Runs a cmdlet; its objects, typed.
function Invoke-PosternCmdlet {
    param([string]$Name, [System.Collections.IDictionary]$Parameters)
    $given = @{}
    $common = @([System.Management.Automation.PSCmdlet]::CommonParameters) +
        @([System.Management.Automation.PSCmdlet]::OptionalCommonParameters)
    foreach ($key in $Parameters.Keys) {
        if ($common -contains $key) { continue }
        $value = $Parameters[$key]
        if ($value -is [switch]) { $value = [bool]$value }
        # @{Add = ...; Remove = ...} goes as it is; what comes from a pipeline is often a list of objects.
        if ($value -is [System.Collections.IEnumerable] -and $value -isnot [string] -and
            $value -isnot [System.Collections.IDictionary]) { $value = @($value | ForEach-Object { [string]$_ }) }
        $given[$key] = $value
    }
    $body = ConvertTo-Json -Depth 8 -Compress @{ CmdletInput = @{ CmdletName = $Name; Parameters = $given } }
    $path = 'InvokeCommand'
    # All of it before any is handed on: whoever changes what is listed changes no page.
    $found = New-Object System.Collections.ArrayList
    while ($path) {
        try {
            $answer = Invoke-PosternRequest -Method Post -Path $path -Body $body
        } catch {
            # As of Exchange's cmdlets: an error that -ErrorAction decides about.
            Write-Error -Message $_.Exception.Message -Category InvalidOperation -TargetObject $Name -ErrorId "$Name,Postern"
            return
        }
        if ($answer.PSObject.Properties['@adminapi.warnings']) {
            foreach ($warning in $answer.'@adminapi.warnings') { Write-Warning $warning }
        }
        foreach ($object in $answer.value) { $null = $found.Add($object) }
        $path = $null
        if ($answer.PSObject.Properties['@odata.nextLink']) {
            # The token goes to nobody but the server that was signed in to.
            $path = 'InvokeCommand' + ([uri]$answer.'@odata.nextLink').Query
        }
    }
    foreach ($object in $found) { ConvertTo-PosternObject -Name $Name -Object $object }
}

# Properties in order, times as times, and a type by which views are found.
function ConvertTo-PosternObject {
    param([string]$Name, $Object)
    $properties = [ordered]@{}
    foreach ($property in $Object.PSObject.Properties) {
        if ($property.Name -like '*@data.type') { continue }
        $value = $property.Value
        $type = $Object.PSObject.Properties[$property.Name + '@data.type']
        if ($type -and $type.Value -eq 'System.DateTime' -and $value -is [string]) {
            $value = [datetime]::Parse($value, [cultureinfo]::InvariantCulture, 'RoundtripKind')
        }
        $properties[$property.Name] = $value
    }
    $made = [pscustomobject]$properties
    $made.PSObject.TypeNames.Insert(0, 'Postern.' + ($Name -split '-', 2)[1])
    $made
}

. (Join-Path $PSScriptRoot 'Cmdlets.ps1')

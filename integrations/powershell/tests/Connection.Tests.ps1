# Connecting: addresses, tokens, what is shown of it, retries, and a server that goes away.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $server = New-TestServer
    $admin = New-TestToken $server -Name runbooks
    function Get-Secure([string]$Text) { ConvertTo-SecureString $Text -AsPlainText -Force }
    function Get-Failure([scriptblock]$Script) { try { & $Script; throw 'it did not fail' } catch { $_ } }
}
AfterAll { Disconnect-Postern; Remove-TestServer $server }

Describe 'Connect-Postern' {
    It 'takes the token as <Name>' -ForEach @(
        @{ Name = 'a secure string'; Connect = { Connect-Postern $server.Uri -Token (Get-Secure $admin) } }
        @{ Name = 'text'; Connect = { Connect-Postern $server.Uri -Token $admin } }
        @{ Name = 'a credential'; Connect = { Connect-Postern $server.Uri -Credential ([pscredential]::new('anybody', (Get-Secure $admin))) } }
        @{ Name = 'a secure string from a vault'; Connect = { Get-Secure $admin | Connect-Postern -Uri $server.Uri } }
        @{ Name = 'a credential from a vault'; Connect = { [pscredential]::new('x', (Get-Secure $admin)) | Connect-Postern $server.Uri } }
        @{ Name = 'text from a vault'; Connect = { $admin | Connect-Postern $server.Uri } }
    ) {
        Disconnect-Postern
        & $Connect
        (Get-PosternConnection).Uri | Should -Be $server.Uri
    }
    It 'takes address and token from the environment' {
        Disconnect-Postern
        $env:POSTERN_URI, $env:POSTERN_TOKEN = $server.Uri, $admin
        try { Connect-Postern } finally { $env:POSTERN_URI = $env:POSTERN_TOKEN = $null }
        (Get-PosternConnection).User | Should -Be 'token runbooks'
    }
    It 'adds the scheme: http for the loopback address, https elsewhere' {
        Connect-Postern "localhost:$($server.Port)" -Token $admin
        (Get-PosternConnection).Uri | Should -Be $server.Uri
        $failure = Get-Failure { Connect-Postern nowhere.invalid -Token $admin }
        $failure.Exception.Message | Should -BeLike 'https://nowhere.invalid: *DNS*'
        $failure.CategoryInfo.Category | Should -Be 'ConnectionError'
    }
    It 'refuses <Uri>' -ForEach @(
        @{ Uri = 'http://postern.contoso.com'; Says = '*unprotected*https://postern.contoso.com*' }
        @{ Uri = 'ftp://postern.contoso.com'; Says = '*expected one such as*' }
        @{ Uri = 'https://user:secret@postern.contoso.com'; Says = '*expected one such as*' }
        @{ Uri = ''; Says = '*POSTERN_URI*' }
    ) {
        $failure = Get-Failure { Connect-Postern $Uri -Token $admin }
        $failure.Exception.Message | Should -BeLike $Says
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failure.InvocationInfo.MyCommand.Name | Should -Be 'Connect-Postern'
        "$($failure | Format-List * -Force | Out-String)" | Should -Not -BeLike '*:secret@*' -Because 'only what was typed repeats it'
    }
    It 'says where the token is missing' {
        $failure = Get-Failure { Connect-Postern $server.Uri }
        $failure.CategoryInfo.Category | Should -Be 'AuthenticationError'
        $failure.Exception.Message | Should -BeLike '*POSTERN_TOKEN*postern token add*'
    }
    It 'believes nothing that does not answer, and keeps the connection that there was' {
        Connect-Postern $server.Uri -Token $admin
        (Get-Failure { Connect-Postern $server.Uri -Token postern_wrong }).CategoryInfo.Category | Should -Be 'AuthenticationError'
        (Get-Failure { Connect-Postern $server.Uri -Token $admin -Organization nobody }).CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $refused = Get-Failure { Connect-Postern localhost:1 -Token $admin }
        $refused.Exception.Message | Should -BeLike 'http://localhost:1: Connection refused. Check*systemctl status postern*'
        $refused.FullyQualifiedErrorId | Should -Be 'ConnectionFailed,Connect-Postern'
        Get-HostedOutboundSpamFilterPolicy | Should -Not -BeNullOrEmpty
    }
    It 'is not fooled by another web server' {
        $proxy = New-TestProxy $server -First '200 OK'
        try { $failure = Get-Failure { Connect-Postern $proxy.Uri -Token $admin } } finally { Remove-TestProxy $proxy }
        $failure.Exception.Message | Should -BeLike '*not as Postern does*'
    }
    It 'does not take the token to where it is redirected' {
        $proxy = New-TestProxy $server -First "301 Moved`r`nLocation: https://evil.invalid/"
        try { $failure = Get-Failure { Connect-Postern $proxy.Uri -Token $admin } } finally { Remove-TestProxy $proxy }
        $failure.Exception.Message | Should -BeLike '*redirects to https://evil.invalid/*'
    }
    It 'warns of a server of another version' {
        $folder = Join-Path $server.Folder 'older/Postern'
        $null = New-Item -ItemType Directory (Split-Path $folder)
        Copy-Item -Recurse (Join-Path $PSScriptRoot '../Postern') $folder
        $manifest = Join-Path $folder 'Postern.psd1'
        (Get-Content $manifest -Raw) -replace "ModuleVersion(\s*)= '[^']*'", "ModuleVersion`$1= '0.0.9'" | Set-Content $manifest
        $said = Invoke-OtherShell "Import-Module '$folder'; Connect-Postern" -Environment @{ POSTERN_URI = $server.Uri; POSTERN_TOKEN = $admin }
        $said | Should -BeLike '*WARNING:*0.0.9*postern powershell DIR*'
        Connect-Postern $server.Uri -Token $admin -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
    }
}

Describe 'Get-PosternConnection' {
    It 'shows where, whose, as whom, with which role and the versions' {
        Connect-Postern $server.Uri -Token $admin
        $shown = Get-PosternConnection
        $shown.Organization | Should -Be 'default'
        $shown.OrganizationName | Should -Be 'Contoso'
        $shown.User | Should -Be 'token runbooks'
        $shown.Roles | Should -Be @('security-administrator')
        $shown.ServerVersion | Should -Be $shown.ModuleVersion
        $shown.ModuleVersion | Should -Be (Get-Module Postern).Version.ToString()
    }
    It 'shows nothing when there is none' {
        Disconnect-Postern
        Get-PosternConnection | Should -BeNullOrEmpty
        Disconnect-Postern
    }
}

Describe 'A server that is busy or goes away' {
    BeforeAll { Connect-Postern $server.Uri -Token $admin }
    It 'is asked again after <First>' -ForEach @(
        @{ First = "503 Service Unavailable`r`nRetry-After: 0" }
        @{ First = '429 Too Many Requests' }
        @{ First = "429 Too Many Requests`r`nRetry-After: 1" }
    ) {
        $proxy = New-TestProxy $server
        try {
            Connect-Postern $proxy.Uri -Token $admin
            $proxy.Shared.First.Enqueue($First)
            $before = $proxy.Shared.Requests.Count
            $null = Block-PosternSender retried@contoso.com -Reason busy
            $proxy.Shared.Requests.Count - $before | Should -Be 2
            Remove-BlockedSenderAddress -SenderAddress retried@contoso.com
        } finally { Remove-TestProxy $proxy; Connect-Postern $server.Uri -Token $admin }
    }
    It 'is not asked again after <First>' -ForEach @(
        @{ First = '503 Service Unavailable' }
        @{ First = "503 Service Unavailable`r`nRetry-After: 3600" }
        @{ First = '500 Internal Server Error' }
        @{ First = '502 Bad Gateway' }
    ) {
        $proxy = New-TestProxy $server
        try {
            Connect-Postern $proxy.Uri -Token $admin
            $proxy.Shared.First.Enqueue($First)
            $before = $proxy.Shared.Requests.Count
            Block-PosternSender unlucky@contoso.com -Reason busy -ErrorAction SilentlyContinue -ErrorVariable failed 2>$null
            $proxy.Shared.Requests.Count - $before | Should -Be 1
            $failed.Count | Should -Be 1
            $failed[0].CategoryInfo.Category | Should -Be 'ResourceUnavailable'
        } finally { Remove-TestProxy $proxy; Connect-Postern $server.Uri -Token $admin }
    }
    It 'ends the pipeline at once with one error' {
        Stop-TestServer $server
        try {
            $begun = Get-Date
            $failure = Get-Failure { 1..1000 | ForEach-Object { "u$_@contoso.com" } | Get-PosternUsage -ErrorVariable script:failed }
            $failure.Exception.Message | Should -BeLike "$($server.Uri): Connection refused.*"
            $failure.CategoryInfo.Category | Should -Be 'ConnectionError'
            ((Get-Date) - $begun).TotalSeconds | Should -BeLessThan 5
        } finally { Start-TestServer $server }
    }
    It 'stays connected over a restart' { Get-HostedOutboundSpamFilterPolicy | Should -Not -BeNullOrEmpty }
    It 'tells in mid-pipeline that the token was revoked, and goes no further' {
        $name = [guid]::NewGuid().ToString('N')
        $token = New-TestToken $server -Name $name
        Connect-Postern $server.Uri -Token $token
        $seen = [System.Collections.ArrayList]::new()
        $failure = Get-Failure {
            1..10 | ForEach-Object {
                if ($_ -eq 4) { Invoke-TestPostern $server token revoke $name }
                "u$_@contoso.com"
            } | Get-PosternUsage | ForEach-Object { $null = $seen.Add($_.Entity) }
        }
        $failure.CategoryInfo.Category | Should -Be 'AuthenticationError'
        $failure.FullyQualifiedErrorId | Should -Be 'Unauthorized,Get-PosternUsage'
        @($seen | Sort-Object -Unique).Count | Should -Be 3
        Connect-Postern $server.Uri -Token $admin
    }
}

Describe 'Two organizations' {
    BeforeAll {
        Invoke-TestPostern $server organization add fabrikam --domain fabrikam.example
        $theirs = New-TestToken $server -Organization fabrikam
        Connect-Postern $server.Uri -Token $admin -Organization fabrikam
        $null = Block-PosternSender eve@fabrikam.example -Reason phished
        Connect-Postern $server.Uri -Token $admin
        $null = Block-PosternSender mallory@contoso.com -Reason phished
    }
    It 'are apart, and a token knows its own' {
        Connect-Postern $server.Uri -Token $theirs
        (Get-PosternConnection).Organization | Should -Be 'fabrikam'
        (Get-BlockedSenderAddress).SenderAddress | Should -Be @('eve@fabrikam.example')
        { Remove-BlockedSenderAddress -SenderAddress mallory@contoso.com -ErrorAction Stop } | Should -Throw "*couldn't be found on 'fabrikam.example'*"
        (Get-Failure { Connect-Postern $server.Uri -Token $theirs -Organization default }).CategoryInfo.Category | Should -Be 'ObjectNotFound'
        Connect-Postern $server.Uri -Token $admin -Organization fabrikam.example
        (Get-BlockedSenderAddress).SenderAddress | Should -Be @('eve@fabrikam.example')
        Connect-Postern $server.Uri -Token $admin
        (Get-BlockedSenderAddress).SenderAddress | Should -Be @('mallory@contoso.com')
    }
}

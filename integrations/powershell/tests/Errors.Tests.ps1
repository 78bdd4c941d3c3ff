# Errors as PowerShell has them: $?, try/catch, -ErrorAction, -ErrorVariable, category, id, target, position.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $server = New-TestServer
    $admin, $reader = (New-TestToken $server), (New-TestToken $server -Role security-reader)
    Connect-Postern $server.Uri -Token $admin
    New-HostedOutboundSpamFilterPolicy Execs
    $null = Block-PosternSender blocked@contoso.com -Reason phished
}
AfterAll { Disconnect-Postern; Remove-TestServer $server }

Describe 'An error' {
    It '<Name> has its category, id and target' -ForEach @(
        @{ Name = 'of what is not there'; Category = 'ObjectNotFound'; Id = 'NotFound'; Target = 'nobody@contoso.com'
            Run = { Remove-BlockedSenderAddress -SenderAddress nobody@contoso.com } }
        @{ Name = 'of a policy that is not there'; Category = 'ObjectNotFound'; Id = 'NotFound'; Target = 'Nope'
            Run = { Get-HostedOutboundSpamFilterPolicy Nope } }
        @{ Name = 'of a name that is taken'; Category = 'ResourceExists'; Id = 'ObjectAlreadyExists'; Target = 'Execs'
            Run = { New-HostedOutboundSpamFilterPolicy Execs } }
        @{ Name = 'of who is restricted already'; Category = 'ResourceExists'; Id = 'ObjectAlreadyExists'; Target = 'blocked@contoso.com'
            Run = { Block-PosternSender blocked@contoso.com -Reason again } }
        @{ Name = 'of what can not be removed'; Category = 'InvalidArgument'; Id = 'BadRequest'; Target = 'Default'
            Run = { Remove-HostedOutboundSpamFilterPolicy Default -Confirm:$false } }
        @{ Name = 'of what is no address'; Category = 'InvalidArgument'; Id = 'BadRequest'; Target = '@{entity=a@contoso.com}'
            Run = { Block-PosternSender '@{entity=a@contoso.com}' -Reason x } }
        @{ Name = 'of an object that names nothing'; Category = 'InvalidArgument'; Id = 'InvalidIdentity'; Target = 'Identity'
            Run = { [pscustomobject]@{ Foo = 'a@contoso.com' } | Block-PosternSender -Reason x } }
        @{ Name = 'of a hash table that names nothing'; Category = 'InvalidArgument'; Id = 'InvalidIdentity'; Target = 'SenderAddress'
            Run = { Remove-BlockedSenderAddress -SenderAddress @{ Foo = 1 } } }
    ) {
        $Error.Clear()
        $ErrorActionPreference = 'SilentlyContinue'
        & $Run
        $ErrorActionPreference = 'Stop'
        $Error.Count | Should -Be 1
        $Error[0].CategoryInfo.Category | Should -Be $Category
        $Error[0].FullyQualifiedErrorId | Should -BeLike "$Id,*-*"
        $Error[0].TargetObject | Should -Be $Target
        $Error[0].InvocationInfo.ScriptName | Should -Be $PSCommandPath
        $Error[0].Exception.GetType().Name | Should -Not -Be 'WriteErrorException'
        $Error[0].Exception.Message | Should -Not -BeLike '*{*error*' -Because 'it is a sentence and no JSON'
    }
    It 'of a role that may not is PermissionDenied' {
        Connect-Postern $server.Uri -Token $reader
        try {
            Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 1 -ErrorAction SilentlyContinue -ErrorVariable failed
            Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 1 -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +failed
            $failed.CategoryInfo.Category | Should -Be @('PermissionDenied', 'PermissionDenied')
            $failed[0].Exception | Should -BeOfType [System.UnauthorizedAccessException]
            $failed[0].Exception.Message | Should -BeLike "*sufficient permissions to run 'Set-HostedOutboundSpamFilterPolicy'*"
            Get-HostedOutboundSpamFilterPolicy | Should -Not -BeNullOrEmpty
        } finally { Connect-Postern $server.Uri -Token $admin }
    }
    It 'of nobody being connected ends the pipeline' {
        Disconnect-Postern
        try {
            $seen = 0
            { 'a', 'b', 'c' | ForEach-Object { $script:seen++; $_ } | Get-PosternUsage -ErrorAction SilentlyContinue } |
                Should -Throw 'You are not connected; run Connect-Postern first.' -ErrorId 'NotConnected,Get-PosternUsage'
        } finally { Connect-Postern $server.Uri -Token $admin }
    }
    It 'sets $? and shows the line of the caller' {
        $said = Invoke-OtherShell -Environment @{ POSTERN_URI = $server.Uri; POSTERN_TOKEN = $admin } (
            "Import-Module '$PSScriptRoot/../Postern'; Connect-Postern; `"first `$?`"`n" +
            "Get-BlockedSenderAddress -SenderAddress nobody@contoso.com 2>`$null; `"second `$?`"; " +
            "Get-BlockedSenderAddress -SenderAddress nobody@contoso.com")
        $said | Should -BeLike '*first True*second False*'
        $said | Should -Match 'nobody@contoso.com'
        $said | Should -Not -Match 'psm1|Cmdlets\.ps1|Invoke\.ps1'
    }
}

Describe 'The wire' {
    BeforeAll {
        $headers = @{ Authorization = "Bearer $admin"; Prefer = 'odata.maxpagesize=1000' }
        function Get-Body([string]$Name, $Parameters) { @{ CmdletInput = @{ CmdletName = $Name; Parameters = $Parameters } } | ConvertTo-Json -Depth 5 }
    }
    It 'answers with what any PowerShell client reads, refusals too' {
        $address = "$($server.Uri)/adminapi/beta/contoso.com/InvokeCommand"
        $body = Get-Body 'Remove-BlockedSenderAddress' @{ SenderAddress = 'nobody@contoso.com' }
        $answer = Invoke-RestMethod $address -Method Post -Headers $headers -Body $body -ContentType application/json -SkipHttpErrorCheck
        $answer | Should -BeOfType [pscustomobject]
        $answer.error.message | Should -BeLike "*couldn't be found*"
        $answer.error.innererror.internalException.message | Should -Be $answer.error.message
        try { Invoke-RestMethod $address -Method Post -Headers $headers -Body $body -ContentType application/json } catch { $failed = $_ }
        ($failed.ErrorDetails.Message | ConvertFrom-Json).error.details.message | Should -BeLike "*couldn't be found*"
    }
    It 'leaves the others of a batch their answers' {
        $requests = 0..24 | ForEach-Object {
            $who = if ($_ -eq 3) { 'nobody@contoso.com' } else { 'blocked@contoso.com' }
            @{ id = "$_"; method = 'POST'; url = "$($server.Uri)/adminapi/beta/contoso.com/InvokeCommand"; headers = @{}
                body = @{ CmdletInput = @{ CmdletName = 'Get-BlockedSenderAddress'; Parameters = @{ SenderAddress = $who } } } }
        }
        $answer = Invoke-RestMethod "$($server.Uri)/adminapi/beta/contoso.com/`$batch" -Method Post -Headers $headers -ContentType application/json -Body (
            @{ requests = @($requests) } | ConvertTo-Json -Depth 8)
        $answer.responses.Count | Should -Be 25
        @($answer.responses | Where-Object status -eq 200).body.value.SenderAddress | Sort-Object -Unique | Should -Be 'blocked@contoso.com'
        ($answer.responses | Where-Object status -eq 404).body.error.message | Should -BeLike "*couldn't be found*"
    }
}

Describe '-ErrorAction' {
    It 'Stop throws what try/catch catches, by its type' {
        $caught = try { Get-BlockedSenderAddress -SenderAddress nobody@contoso.com -ErrorAction Stop; 'nothing' }
            catch [System.Management.Automation.ItemNotFoundException] { 'ItemNotFound' }
        $caught | Should -Be 'ItemNotFound'
        { $ErrorActionPreference = 'Stop'; Get-BlockedSenderAddress -SenderAddress nobody@contoso.com } | Should -Throw
    }
    It 'Continue goes on, and writes to the stream of errors' {
        $got = & { 'nobody@contoso.com', 'blocked@contoso.com' | Get-BlockedSenderAddress -ErrorAction Continue } 2>&1
        @($got | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }).Count | Should -Be 1
        @($got | Where-Object { $_.SenderAddress -eq 'blocked@contoso.com' }).Count | Should -Be 1
    }
    It 'SilentlyContinue goes on without a word' {
        $got = & { 'nobody@contoso.com', 'blocked@contoso.com' | Get-BlockedSenderAddress -ErrorAction SilentlyContinue } 2>&1
        @($got).Count | Should -Be 1
    }
    It 'Ignore leaves nothing in $Error' {
        $Error.Clear()
        Get-BlockedSenderAddress -SenderAddress nobody@contoso.com -ErrorAction Ignore
        $Error.Count | Should -Be 0
    }
    It 'Inquire asks' {
        $said = Invoke-OtherShell -Answers 'H' -Environment @{ POSTERN_URI = $server.Uri; POSTERN_TOKEN = $admin } (
            "Import-Module '$PSScriptRoot/../Postern'; Connect-Postern; Get-BlockedSenderAddress -SenderAddress nobody@contoso.com -ErrorAction Inquire; 'went on'")
        $said | Should -BeLike "*couldn't be found*Halt Command*"
        $said | Should -Not -BeLike '*went on*'
    }
}

Describe '-ErrorVariable' {
    It 'holds one record for one error' {
        Get-BlockedSenderAddress -SenderAddress nobody@contoso.com -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed.Count | Should -Be 1
        $failed[0] | Should -BeOfType [System.Management.Automation.ErrorRecord]
    }
    It 'holds one for each bad line, and the others go on' {
        $lines = 1..100 | ForEach-Object { [pscustomobject]@{ Identity = if ($_ -eq 42) { 'no address' } else { "u$_@contoso.com" }; Reason = 'csv' } }
        $made = $lines | Block-PosternSender -ErrorAction SilentlyContinue -ErrorVariable failed
        $failed.Count | Should -Be 1
        $failed[0].TargetObject | Should -Be 'no address'
        $made.Count | Should -Be 99
    }
}

# -WhatIf changes nothing, -Confirm asks once, and the token is nowhere to be read.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $server = New-TestServer
    $admin = New-TestToken $server
    $environment = @{ POSTERN_URI = $server.Uri; POSTERN_TOKEN = $admin }
    $begin = "Import-Module '$PSScriptRoot/../Postern'; Connect-Postern; "
    Connect-Postern $server.Uri -Token $admin
    New-HostedOutboundSpamFilterPolicy Execs
    New-HostedOutboundSpamFilterRule Execs -HostedOutboundSpamFilterPolicy Execs -From boss@contoso.com
    New-HostedOutboundSpamFilterPolicy Spare
    New-ProtectionAlert Mine -Category ThreatManagement -ThreatType Activity -NotifyUser a@contoso.com
    $null = 'laura@contoso.com', 'connector:crm' | Block-PosternSender -Reason phished
    function Get-State {
        $all = @(Get-BlockedSenderAddress; Get-BlockedConnector; Get-HostedOutboundSpamFilterPolicy; Get-HostedOutboundSpamFilterRule; Get-ProtectionAlert)
        $all | ConvertTo-Json -Depth 5
        (Invoke-TestPostern $server --json audit) -join ''
    }
}
AfterAll { Disconnect-Postern; Remove-TestServer $server }

Describe '-WhatIf' {
    It '<Line> changes nothing and says one line' -ForEach @(
        @{ Line = 'Remove-BlockedSenderAddress -SenderAddress laura@contoso.com'; Says = 'Let laura@contoso.com send again.' }
        @{ Line = 'Remove-BlockedConnector -ConnectorId crm'; Says = 'Let connector crm send again.' }
        @{ Line = 'New-HostedOutboundSpamFilterPolicy New'; Says = 'Add outbound policy New.' }
        @{ Line = 'Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 7'; Says = 'Change outbound policy Default.' }
        @{ Line = 'Remove-HostedOutboundSpamFilterPolicy Execs'; Says = 'Remove outbound policy Execs and its rule.' }
        @{ Line = 'Remove-HostedOutboundSpamFilterPolicy Execs -Force'; Says = 'Remove outbound policy Execs and its rule.' }
        @{ Line = 'New-HostedOutboundSpamFilterRule R -HostedOutboundSpamFilterPolicy Spare -From a@contoso.com'; Says = 'Apply outbound policy Spare by rule R.' }
        @{ Line = 'Set-HostedOutboundSpamFilterRule Execs -Priority 0'; Says = 'Change rule Execs.' }
        @{ Line = 'Set-HostedOutboundSpamFilterRule Execs -HostedOutboundSpamFilterPolicy Spare'; Says = 'Change rule Execs.' }
        @{ Line = 'Disable-HostedOutboundSpamFilterRule Execs'; Says = 'Disable rule Execs.' }
        @{ Line = 'Enable-HostedOutboundSpamFilterRule Execs'; Says = 'Enable rule Execs.' }
        @{ Line = 'Remove-HostedOutboundSpamFilterRule Execs'; Says = 'Remove rule Execs, after which its policy applies to nobody.' }
        @{ Line = 'New-ProtectionAlert P -Category ThreatManagement -ThreatType Activity -NotifyUser a@contoso.com'; Says = 'Add alert policy P.' }
        @{ Line = 'Set-ProtectionAlert Mine -Severity High'; Says = 'Change alert policy Mine.' }
        @{ Line = 'Remove-ProtectionAlert Mine'; Says = 'Remove alert policy Mine.' }
        @{ Line = 'Add-PosternAllowance news@contoso.com -RecipientLimitPerDay 5000 -Hours 2 -Reason fair'; Says = 'Let news@contoso.com send to 5000 recipients a day for 2 hours.' }
        @{ Line = 'Block-PosternSender dave@contoso.com -Reason phished'; Says = 'Stop dave@contoso.com from sending.' }
    ) {
        $before = Get-State
        Start-Transcript "$($server.Folder)/transcript" | Out-Null
        try {
            & ([scriptblock]::Create("$Line -WhatIf"))
            & { $WhatIfPreference = $true; & ([scriptblock]::Create($Line)) }
        } finally { Stop-Transcript -WhatIf:$false | Out-Null }
        $said = @(Get-Content "$($server.Folder)/transcript" | Where-Object { $_ -like 'What if:*' })
        $said | Should -Be @("What if: $Says", "What if: $Says")
        Get-State | Should -Be $before
    }
    It 'is an error of what could not be done' {
        Remove-BlockedSenderAddress -SenderAddress nobody@contoso.com -WhatIf -ErrorAction SilentlyContinue -ErrorVariable failed
        Block-PosternSender laura@contoso.com -Reason again -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +failed
        New-HostedOutboundSpamFilterPolicy Execs -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +failed
        Remove-HostedOutboundSpamFilterPolicy Default -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +failed
        Remove-ProtectionAlert 'Connector restricted' -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +failed
        Set-HostedOutboundSpamFilterPolicy Default -BccSuspiciousOutboundAdditionalRecipients 'no address' -WhatIf -ErrorAction SilentlyContinue -ErrorVariable +failed
        $failed.Count | Should -Be 6
    }
}

Describe '-Confirm' {
    It 'asks one question of one line, and does what is answered' {
        $run = $begin + "Remove-BlockedSenderAddress -SenderAddress laura@contoso.com -Confirm"
        $said = Invoke-OtherShell $run -Answers 'N' -Environment $environment
        [regex]::Matches($said, '\[Y\] Yes').Count | Should -Be 1
        $said | Should -Match '(?m)^Let laura@contoso\.com send again\?\s*$'
        $said | Should -Not -BeLike '*Set variable*'
        (Get-BlockedSenderAddress).SenderAddress | Should -Contain 'laura@contoso.com'
        $null = Invoke-OtherShell $run -Answers 'Y' -Environment $environment
        (Get-BlockedSenderAddress).SenderAddress | Should -Not -Contain 'laura@contoso.com'
    }
    It 'asks once more for each, or once for all' {
        $null = 'p@contoso.com', 'q@contoso.com' | Block-PosternSender -Reason phished
        $run = $begin + "Get-BlockedSenderAddress | Remove-BlockedSenderAddress -Confirm"
        $said = Invoke-OtherShell $run -Answers 'Y', 'N' -Environment $environment
        [regex]::Matches($said, '\[Y\] Yes').Count | Should -Be 2
        @(Get-BlockedSenderAddress).SenderAddress | Should -Be @('q@contoso.com')
        $said = Invoke-OtherShell ($begin + "'r@contoso.com', 's@contoso.com' | Block-PosternSender -Reason x -Confirm") -Answers 'A' -Environment $environment
        [regex]::Matches($said, '\[Y\] Yes').Count | Should -Be 1
        @(Get-BlockedSenderAddress).Count | Should -Be 3
    }
    It 'asks by itself before a policy is removed, not with -Force, and not with $ConfirmPreference None' {
        $said = Invoke-OtherShell ($begin + "Remove-HostedOutboundSpamFilterPolicy Execs") -Answers 'N' -Environment $environment
        $said | Should -BeLike '*Remove outbound policy Execs and its rule?*'
        $said = Invoke-OtherShell ($begin + "`$ConfirmPreference = 'None'; Remove-HostedOutboundSpamFilterRule Execs; `$ConfirmPreference = 'High'; Remove-HostedOutboundSpamFilterPolicy Execs -Force") -Environment $environment
        $said | Should -Not -BeLike '*Yes*'
        { Get-HostedOutboundSpamFilterPolicy Execs -ErrorAction Stop } | Should -Throw
    }
}

Describe 'The token' {
    It 'is in no stream, error, transcript, trace or job' {
        $file = Join-Path $server.Folder 'leaks'
        $run = @"
Import-Module '$PSScriptRoot/../Postern'
Start-Transcript '$file' | Out-Null
`$DebugPreference = `$VerbosePreference = `$InformationPreference = 'Continue'
Connect-Postern -Debug -Verbose *>&1 | Out-String
Get-PosternConnection | Format-List * -Force | Out-String
Get-PosternConnection | ConvertTo-Json -Depth 5
Get-BlockedSenderAddress -Debug -Verbose *>&1 | Format-List * -Force | Out-String
Get-HostedOutboundSpamFilterPolicy Nope -Debug -Verbose *>&1 | Format-List * -Force | Out-String
Set-PSDebug -Trace 2
Connect-Postern
Get-BlockedSenderAddress *>&1 | Out-String
Set-PSDebug -Trace 0
Trace-Command -Name ParameterBinding, TypeConversion, ETS -PSHost -Expression { Connect-Postern; Get-BlockedSenderAddress } *>&1 | Out-String
Connect-Postern localhost:1 *>&1 | Format-List * -Force | Out-String
Connect-Postern -Organization nobody *>&1 | Format-List * -Force | Out-String
`$Error | ForEach-Object { `$_ | Format-List * -Force | Out-String; `$_.Exception | Format-List * -Force | Out-String; `$_ | ConvertTo-Json -Depth 3 -WarningAction SilentlyContinue }
`$job = Start-Job { Import-Module '$PSScriptRoot/../Postern'; Connect-Postern -Debug -Verbose; Get-BlockedSenderAddress -Debug -Verbose; Get-PosternConnection }
`$job | Wait-Job | Receive-Job *>&1 | Format-List * -Force | Out-String
`$job.ChildJobs | ForEach-Object { `$_.Output, `$_.Debug, `$_.Verbose, `$_.Error, `$_.Information, `$_.Warning | Out-String }
& (Get-Module Postern) { Get-Variable -Scope Script -ValueOnly -ErrorAction SilentlyContinue } *>&1 | Out-String
Get-Module Postern | Format-List * -Force | Out-String
Stop-Transcript | Out-Null
"the end"
"@
        $said = Invoke-OtherShell $run -Environment $environment
        $said | Should -BeLike '*Get-BlockedSenderAddress at http://localhost*the end*' -Because 'otherwise there was nothing to leak'
        $said.Contains($admin) | Should -BeFalse
        (Get-Content $file -Raw).Contains($admin) | Should -BeFalse
        (Get-Content $file -Raw).Contains('Bearer') | Should -BeFalse
    }
    It 'of a wrong kind is not repeated' {
        try { Connect-Postern $server.Uri -Token @{ Secret = $admin } } catch { $failure = $_ }
        ($failure | Format-List * -Force | Out-String).Contains($admin) | Should -BeFalse
        $failure.Exception.Message | Should -BeLike 'There is no token*'
    }
}

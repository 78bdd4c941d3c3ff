# What objects look like in a terminal of 80 columns, and what the Tab key offers.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $server = New-TestServer
    $admin = New-TestToken $server
    Connect-Postern $server.Uri -Token $admin
    $null = New-HostedOutboundSpamFilterPolicy 'Marketing, O''Neill & Söhne' -RecipientLimitExternalPerHour 10000 -ActionWhenThresholdReached BlockUserForToday
    $null = New-HostedOutboundSpamFilterPolicy 'Execs'
    $null = New-HostedOutboundSpamFilterRule 'Rule for marketing' -HostedOutboundSpamFilterPolicy 'Marketing, O''Neill & Söhne' -From news@contoso.com
    $null = 'laura@contoso.com', 'a.very.long.name.of.somebody@contoso.com', 'connector:crm' | Block-PosternSender -Reason phished
    function Get-Shown([scriptblock]$Run) { @((& $Run | Out-String -Width 80) -split "`r?`n" | Where-Object { $_.Trim() } | ForEach-Object { $_ -replace '\x1b\[[0-9;]*m' }) }
    function Get-Offered([string]$Line) { (TabExpansion2 $Line $Line.Length).CompletionMatches.CompletionText }
}
AfterAll { Disconnect-Postern; Remove-TestServer $server }

Describe 'The table of <Line>' -ForEach @(
    @{ Line = 'Get-BlockedSenderAddress'; Head = 'Sender +Since +Limit +Count Reference' }
    @{ Line = 'Get-BlockedConnector'; Head = 'Connector +Since +Limit +Count Reference' }
    @{ Line = 'Get-HostedOutboundSpamFilterPolicy'; Head = 'Name +External/h Internal/h +Day Action +Enabled' }
    @{ Line = 'Get-HostedOutboundSpamFilterRule'; Head = 'Name +State +Priority Policy' }
    @{ Line = 'Get-ProtectionAlert'; Head = 'Name +Severity +Disabled Notifies' }
    @{ Line = 'Get-PosternSender'; Head = 'Identity +Name +Standing' }
    @{ Line = 'Get-PosternUsage laura@contoso.com'; Head = 'Entity +Window +Count +Limit Free at' }
    @{ Line = 'Add-PosternAllowance news@contoso.com -RecipientLimitPerDay 20000 -Hours 2 -Reason x'; Head = 'Entity +Day Until +Granted by' }
    @{ Line = 'Block-PosternSender dave@contoso.com -Reason x'; Head = 'Sender +Since +Limit +Count Reference' }
) {
    It 'has one line of heads and fits 80 columns' {
        $shown = Get-Shown ([scriptblock]::Create($Line))
        $shown[0] | Should -Match "^$Head *$"
        $shown[1] | Should -Match '^[- ]+$'
        $shown | ForEach-Object { $_.Length | Should -BeLessOrEqual 80 }
        $shown -join '' | Should -Not -Match '…' -Because 'nothing is cut off'
    }
}

Describe 'A view' {
    It 'shows a restricted sender on one line, with times in UTC and numbers to the right' {
        $shown = Get-Shown { Get-BlockedSenderAddress -SenderAddress laura@contoso.com }
        $shown.Count | Should -Be 3
        $shown[2] | Should -Match '^laura@contoso\.com +\d{4}-\d\d-\d\d \d\d:\d\dZ +PR-[0-9A-Z]{4}-[0-9A-Z]{4}$'
        $policies = Get-Shown { Get-HostedOutboundSpamFilterPolicy Default }
        $policies[2] | Should -Match '^Default {18} +0 +0 +0 BlockUser +True'
    }
    It 'shows count and limit of who exceeded one' {
        $object = [pscustomobject]@{ SenderAddress = 'x@contoso.com'; CreatedDatetime = [datetime]'2026-11-25T09:14:02Z'
            Reason = 'EmailSendingLimitExceeded;ExternalRecipientCountToday=501;Limit=external_per_hour;LimitValue=500;Count=501;Policy=Default;Reference=PR-7000-0000;' }
        $object.PSObject.TypeNames.Insert(0, 'Postern.BlockedSenderAddress')
        (Get-Shown { $object })[2] | Should -Match '^x@contoso\.com +2026-11-25 09:14Z +500 +501 PR-7000-0000$'
    }
    It 'gives way to the full list' {
        $shown = (Get-BlockedSenderAddress -SenderAddress laura@contoso.com | Format-List | Out-String)
        foreach ($name in 'SenderAddress', 'Reason', 'CreatedDatetime', 'ChangedDatetime', 'TemporaryBlock') { $shown | Should -Match "(?m)^$name +: " }
        (Get-HostedOutboundSpamFilterPolicy Default | Format-List | Out-String) | Should -Match 'RecipientLimitExternalPerHour +: 0'
    }
}

Describe 'The Tab key' {
    It 'offers <Offers> for <Line>' -ForEach @(
        @{ Line = 'Get-HostedOutboundSpamFilterPolicy -Identity '; Offers = @('Default', 'Execs', "'Marketing, O''Neill & Söhne'") }
        @{ Line = 'Set-HostedOutboundSpamFilterPolicy e'; Offers = @('Execs', 'Default', "'Marketing, O''Neill & Söhne'") }
        @{ Line = 'Remove-HostedOutboundSpamFilterPolicy ''Mark'; Offers = @("'Marketing, O''Neill & Söhne'") }
        @{ Line = 'New-HostedOutboundSpamFilterRule X -HostedOutboundSpamFilterPolicy De'; Offers = @('Default') }
        @{ Line = 'Get-HostedOutboundSpamFilterRule ru'; Offers = @("'Rule for marketing'") }
        @{ Line = 'Disable-HostedOutboundSpamFilterRule -Identity '; Offers = @("'Rule for marketing'") }
        @{ Line = 'Set-ProtectionAlert user'; Offers = @("'User restricted from sending email'") }
        @{ Line = 'Remove-BlockedSenderAddress -SenderAddress la'; Offers = @('laura@contoso.com') }
        @{ Line = 'Get-BlockedSenderAddress -SenderAddress "la'; Offers = @('laura@contoso.com') }
        @{ Line = 'Remove-BlockedConnector -ConnectorId '; Offers = @('crm') }
        @{ Line = 'Get-PosternUsage lau'; Offers = @('laura@contoso.com') }
        @{ Line = 'Add-PosternAllowance -Identity cr'; Offers = @('connector:crm') }
        @{ Line = 'Block-PosternSender very'; Offers = @('a.very.long.name.of.somebody@contoso.com') }
        @{ Line = 'Set-HostedOutboundSpamFilterRule X -From lau'; Offers = @('laura@contoso.com') }
        @{ Line = 'Set-HostedOutboundSpamFilterPolicy Default -ActionWhenThresholdReached BlockUserF'; Offers = @('BlockUserForToday') }
    ) { Get-Offered $Line | Should -Be $Offers }
    It 'offers what runs as it stands' {
        $line = 'Get-HostedOutboundSpamFilterPolicy ' + (Get-Offered 'Get-HostedOutboundSpamFilterPolicy Mark')
        (& ([scriptblock]::Create($line))).Name | Should -Be 'Marketing, O''Neill & Söhne'
    }
    It 'offers no files, is quick and says nothing where nothing is found, connected or answered' {
        $Error.Clear()
        Push-Location $server.Folder
        try {
            Get-Offered 'Get-HostedOutboundSpamFilterPolicy post' | Should -Be 'post'
            Disconnect-Postern
            (Measure-Command { Get-Offered 'Get-PosternUsage post' | Should -Be 'post' }).TotalSeconds | Should -BeLessThan 1
            Get-Offered 'Get-PosternUsage ' | Should -Be ' '
            Connect-Postern $server.Uri -Token $admin
            Stop-TestServer $server
            (Measure-Command { Get-Offered 'Get-PosternUsage post' | Should -Be 'post' }).TotalSeconds | Should -BeLessThan 2
        } finally { Start-TestServer $server; Pop-Location }
        $Error.Count | Should -Be 0
    }
}

# Pester 5. Against the Postern at $env:POSTERN_URI, with the tokens $env:POSTERN_ADMIN and $env:POSTERN_READER.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'Postern') -Force
    function Get-Secret([string]$Text) { ConvertTo-SecureString $Text -AsPlainText -Force }
    Connect-Postern -Uri $env:POSTERN_URI -Token (Get-Secret $env:POSTERN_ADMIN)
}

AfterAll { Disconnect-Postern }

Describe 'Connect-Postern' {
    It 'does not send a token unprotected' {
        { Connect-Postern -Uri http://postern.contoso.com -Token (Get-Secret 'x') } | Should -Throw '*unprotected*'
    }
    It 'believes nothing that does not answer, and keeps the sign-in that there was' {
        { Connect-Postern -Uri $env:POSTERN_URI -Token (Get-Secret 'postern_wrong') } | Should -Throw
        { Get-HostedOutboundSpamFilterPolicy -ErrorAction Stop } | Should -Not -Throw
    }
    It 'takes a credential' {
        $credential = New-Object pscredential('anybody', (Get-Secret $env:POSTERN_ADMIN))
        Connect-Postern $env:POSTERN_URI -Credential $credential
    }
}

Describe 'Blocked senders' {
    It 'are listed with times, and released' {
        Block-PosternSender -Identity laura@example.com -Reason 'phished' -Confirm:$false
        $laura = Get-BlockedSenderAddress -SenderAddress laura@example.com
        $laura.SenderAddress | Should -Be 'laura@example.com'
        $laura.CreatedDatetime | Should -BeOfType [datetime]
        $laura.PSObject.Properties.Name | Should -Be @('SenderAddress', 'Reason', 'CreatedDatetime', 'ChangedDatetime', 'TemporaryBlock')
        Remove-BlockedSenderAddress -SenderAddress laura@example.com -WhatIf
        @(Get-BlockedSenderAddress).Count | Should -Be 1
        Remove-BlockedSenderAddress -SenderAddress laura@example.com -Reason 'password changed' -Confirm:$false
        @(Get-BlockedSenderAddress).Count | Should -Be 0
    }
    It 'are not all of them where nobody is named' {
        { Get-BlockedSenderAddress -SenderAddress '' -ErrorAction Stop } | Should -Throw
        { $ErrorActionPreference = 'Stop'; Get-BlockedSenderAddress -SenderAddress $null } | Should -Throw
    }
    It 'are an error where there is none' {
        { Get-BlockedSenderAddress -SenderAddress nobody@example.com -ErrorAction Stop } | Should -Throw "*couldn't be found*"
        Get-BlockedSenderAddress -SenderAddress nobody@example.com -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
    }
}

Describe 'Policies and rules' {
    It 'are made, piped, changed and removed' {
        New-HostedOutboundSpamFilterPolicy -Name Execs -RecipientLimitPerDay 800 -ActionWhenThresholdReached BlockUser -Confirm:$false
        New-HostedOutboundSpamFilterRule Execs -HostedOutboundSpamFilterPolicy Execs -From 'a@example.com', 'b@example.com' -Confirm:$false
        (Get-HostedOutboundSpamFilterRule -Identity Execs).From | Should -Be @('a@example.com', 'b@example.com')
        Get-HostedOutboundSpamFilterPolicy Execs | Set-HostedOutboundSpamFilterPolicy -RecipientLimitPerDay 900 -Confirm:$false
        (Get-HostedOutboundSpamFilterPolicy Execs).RecipientLimitPerDay | Should -Be 900
        Disable-HostedOutboundSpamFilterRule Execs -Confirm:$false
        (Get-HostedOutboundSpamFilterRule -State Disabled).Name | Should -Be 'Execs'
        Set-HostedOutboundSpamFilterRule Execs -From @{ Add = 'c@example.com'; Remove = 'a@example.com' } -Confirm:$false
        (Get-HostedOutboundSpamFilterRule Execs).From | Should -Be @('b@example.com', 'c@example.com')
        Remove-HostedOutboundSpamFilterPolicy Execs -Force -WhatIf
        $WhatIfPreference = $true
        Remove-HostedOutboundSpamFilterPolicy Execs -Force
        $WhatIfPreference = $false
        @(Get-HostedOutboundSpamFilterPolicy).Count | Should -Be 2
        Remove-HostedOutboundSpamFilterPolicy Execs -Force -WarningAction SilentlyContinue
        @(Get-HostedOutboundSpamFilterPolicy).Count | Should -Be 1
    }
    It 'are refused before they are sent where a value can not be' {
        { Set-HostedOutboundSpamFilterPolicy Default -ActionWhenThresholdReached Nuke } | Should -Throw
        { Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 10001 } | Should -Throw
    }
}

Describe 'The module' {
    It 'has help with examples for everything that it exports' {
        foreach ($command in (Get-Command -Module Postern)) {
            $help = Get-Help $command.Name
            $help.Synopsis | Should -Not -BeNullOrEmpty
            @($help.examples.example).Count | Should -BeGreaterThan 0 -Because $command.Name
        }
    }
    It 'has the same cmdlets as the server' {
        $names = (Get-Command -Module Postern).Name | Where-Object { $_ -notin 'Connect-Postern', 'Disconnect-Postern' }
        $names.Count | Should -BeGreaterThan 20
    }
    It 'lets a reader change nothing' {
        Connect-Postern -Uri $env:POSTERN_URI -Token (Get-Secret $env:POSTERN_READER)
        try {
            { Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 1 -Confirm:$false -ErrorAction Stop } | Should -Throw '*sufficient permissions*'
        } finally {
            Connect-Postern -Uri $env:POSTERN_URI -Token (Get-Secret $env:POSTERN_ADMIN)
        }
    }
}

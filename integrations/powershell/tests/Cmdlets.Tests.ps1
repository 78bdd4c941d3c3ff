# Each cmdlet and parameter: what it does, what it returns, and what its help says.
BeforeDiscovery {
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $commands = (Get-Command -Module Postern).Name | ForEach-Object { @{ Command = $_ } }
}
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $server = New-TestServer
    $admin, $reader = (New-TestToken $server), (New-TestToken $server -Role security-reader)
    Connect-Postern $server.Uri -Token $admin
}
AfterAll { Disconnect-Postern; Remove-TestServer $server }

Describe 'Blocked senders and connectors' {
    It 'are listed with the properties and types of Exchange, and released' {
        $null = Block-PosternSender laura@contoso.com -Reason 'phished; ExceedingLimitType=External'
        $laura = Get-BlockedSenderAddress -SenderAddress LAURA@contoso.com
        $laura.PSObject.Properties.Name | Should -Be @('SenderAddress', 'Reason', 'CreatedDatetime', 'ChangedDatetime', 'TemporaryBlock')
        $laura.CreatedDatetime | Should -BeOfType [datetime]
        $laura.CreatedDatetime.Kind | Should -Be 'Utc'
        $laura.TemporaryBlock | Should -BeOfType [bool]
        $laura.Reason | Should -BeLike 'RestrictedByAdmin;Comment=phished, ExceedingLimitType=External;Reference=PR-*'
        Remove-BlockedSenderAddress -SenderAddress laura@contoso.com -Reason 'password changed' | Should -BeNullOrEmpty
        @(Get-BlockedSenderAddress).Count | Should -Be 0
        (Invoke-TestPostern $server audit) -join "`n" | Should -BeLike '*password changed*'
    }
    It 'have a reason of the block that is not written as one of the release' {
        $null = Block-PosternSender julia@contoso.com -Reason 'phished twice'
        $julia = Get-BlockedSenderAddress -SenderAddress julia@contoso.com
        Remove-BlockedSenderAddress -SenderAddress julia@contoso.com -Reason $julia.Reason
        $released = Invoke-TestPostern $server --json restricted list --all | ConvertFrom-Json | Where-Object entity -eq julia@contoso.com
        $released.release_reason | Should -Be 'Remove-BlockedSenderAddress'
    }
    It 'are connectors too, by id or by name' {
        $made = Block-PosternSender connector:crm -Reason 'broken form'
        $made.PSObject.TypeNames[0] | Should -Be 'Postern.BlockedConnector'
        $crm = Get-BlockedConnector
        $crm.ConnectorId | Should -BeOfType [guid]
        (Get-BlockedConnector -ConnectorId $crm.ConnectorId).ConnectorName | Should -Be 'crm'
        (Get-BlockedConnector -ConnectorId CRM).ConnectorId | Should -Be $crm.ConnectorId
        Remove-BlockedConnector -ConnectorId $crm.ConnectorId -Reason repaired
        Get-BlockedConnector | Should -BeNullOrEmpty
    }
    It 'are blocked for hours, or until somebody releases them' {
        (Block-PosternSender t1@contoso.com -Reason x -Hours 2).TemporaryBlock | Should -BeTrue
        (Block-PosternSender t2@contoso.com -Reason x).TemporaryBlock | Should -BeFalse
        't1@contoso.com', 't2@contoso.com' | Remove-BlockedSenderAddress
    }
    It 'are not all of them where nobody is named' {
        { Get-BlockedSenderAddress -SenderAddress '' -ErrorAction Stop } | Should -Throw '*null or empty*'
        { Get-BlockedSenderAddress -SenderAddress $null -ErrorAction Stop } | Should -Throw '*null or empty*'
        { Get-ProtectionAlert -Identity $null -ErrorAction Stop } | Should -Throw '*null or empty*'
    }
}

Describe 'Policies and rules' {
    It 'have every setting that was given' {
        $made = New-HostedOutboundSpamFilterPolicy Execs -RecipientLimitExternalPerHour 1 -RecipientLimitInternalPerHour 2 -RecipientLimitPerDay 3 `
            -ActionWhenThresholdReached Alert -AdminDisplayName 'For the board' -AutoForwardingMode Automatic -NotifyOutboundSpam $true `
            -NotifyOutboundSpamRecipients soc@contoso.com, admin@contoso.com -BccSuspiciousOutboundMail $true `
            -BccSuspiciousOutboundAdditionalRecipients watch@contoso.com, archive@contoso.com -WarningVariable warnings -WarningAction SilentlyContinue
        $shown = Get-HostedOutboundSpamFilterPolicy -Identity Execs
        ($shown | ConvertTo-Json) | Should -Be ($made | ConvertTo-Json)
        @($shown.RecipientLimitExternalPerHour, $shown.RecipientLimitInternalPerHour, $shown.RecipientLimitPerDay) | Should -Be @(1, 2, 3)
        $shown.RecipientLimitPerDay | Should -BeOfType [uint32]
        $shown.ActionWhenThresholdReached | Should -Be 'Alert'
        $shown.AdminDisplayName | Should -Be 'For the board'
        $shown.NotifyOutboundSpamRecipients | Should -Be @('soc@contoso.com', 'admin@contoso.com')
        $shown.BccSuspiciousOutboundAdditionalRecipients | Should -Be @('watch@contoso.com', 'archive@contoso.com')
        , $shown.BccSuspiciousOutboundAdditionalRecipients | Should -BeOfType [string[]]
        $shown.Guid | Should -BeOfType [guid]
        $shown.WhenCreated | Should -BeOfType [datetime]
        $warnings | Should -BeLike '*alias*postern wiring postfix*'
        (Invoke-TestPostern $server wiring postfix) -join "`n" | Should -BeLike '*virtual_alias_maps = inline:{ { postern-copies-execs@contoso.com = watch@contoso.com, archive@contoso.com } }*'
        (Get-HostedOutboundSpamFilterPolicy $shown.Guid).Name | Should -Be 'Execs'
        Set-HostedOutboundSpamFilterPolicy Execs -BccSuspiciousOutboundMail $false -NotifyOutboundSpam $false -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings.Count | Should -Be 2
        (Get-HostedOutboundSpamFilterPolicy Execs).BccSuspiciousOutboundAdditionalRecipients.Count | Should -Be 0
    }
    It 'start from recommended values' {
        (New-HostedOutboundSpamFilterPolicy Strict -RecommendedPolicyType Strict).RecipientLimitExternalPerHour | Should -Be 400
        (New-HostedOutboundSpamFilterPolicy Plain).ActionWhenThresholdReached | Should -Be 'BlockUserForToday'
        Get-HostedOutboundSpamFilterPolicy Strict | Remove-HostedOutboundSpamFilterPolicy -Confirm:$false
        'Plain' | Remove-HostedOutboundSpamFilterPolicy -Force
    }
    It 'have every condition that was given' {
        New-HostedOutboundSpamFilterRule 'Execs rule' -HostedOutboundSpamFilterPolicy Execs -Comments 'by the board' -Enabled $false -Priority 0 `
            -From a@contoso.com, b@contoso.com -FromMemberOf board -SenderDomainIs contoso.com `
            -ExceptIfFrom c@contoso.com -ExceptIfFromMemberOf interns -ExceptIfSenderDomainIs sub.contoso.com
        $rule = Get-HostedOutboundSpamFilterRule 'Execs rule'
        $rule.State | Should -Be 'Disabled'
        $rule.From | Should -Be @('a@contoso.com', 'b@contoso.com')
        $rule.FromMemberOf | Should -Be @('board')
        $rule.SenderDomainIs | Should -Be @('contoso.com')
        $rule.ExceptIfFrom | Should -Be @('c@contoso.com')
        $rule.ExceptIfFromMemberOf | Should -Be @('interns')
        $rule.ExceptIfSenderDomainIs | Should -Be @('sub.contoso.com')
        $rule.Comments | Should -Be 'by the board'
        $rule.HostedOutboundSpamFilterPolicy | Should -Be 'Execs'
        (Get-HostedOutboundSpamFilterRule -State Disabled).Name | Should -Be 'Execs rule'
        Get-HostedOutboundSpamFilterRule -State Enabled | Should -BeNullOrEmpty
        $rule | Enable-HostedOutboundSpamFilterRule
        (Get-HostedOutboundSpamFilterRule $rule.Guid).State | Should -Be 'Enabled'
        Get-HostedOutboundSpamFilterRule | Set-HostedOutboundSpamFilterRule -Name 'Board' -From @{ Add = 'd@contoso.com'; Remove = 'a@contoso.com' } -FromMemberOf $null
        $rule = Get-HostedOutboundSpamFilterRule Board
        $rule.From | Should -Be @('b@contoso.com', 'd@contoso.com')
        $rule.FromMemberOf.Count | Should -Be 0
        $rule.WhenChanged -is [datetime] -or $null -eq $rule.WhenChanged | Should -BeTrue
        'Board' | Disable-HostedOutboundSpamFilterRule
        [pscustomobject]@{ Name = 'Board' } | Remove-HostedOutboundSpamFilterRule -Confirm:$false
        Get-HostedOutboundSpamFilterRule | Should -BeNullOrEmpty
    }
    It 'may have names of any language, with quotes and dollars' {
        foreach ($name in 'O''Neill & Söhne', '営業部 “東京”', '$env:HOME `n', 'Ünïcode 😀', '2026-11-25T09:14:02Z') {
            $null = New-HostedOutboundSpamFilterPolicy -Name $name -AdminDisplayName "about $name"
            $shown = Get-HostedOutboundSpamFilterPolicy -Identity $name
            $shown.Name | Should -BeExactly $name
            $shown.Name | Should -BeOfType [string]
            $shown.AdminDisplayName | Should -BeExactly "about $name"
            $shown | Remove-HostedOutboundSpamFilterPolicy -Force
        }
    }
    It 'are refused before they are sent where a value can not be' {
        { Set-HostedOutboundSpamFilterPolicy Default -ActionWhenThresholdReached Nuke } | Should -Throw '*BlockUserForToday*'
        { Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 10001 } | Should -Throw '*10000*'
        { New-HostedOutboundSpamFilterPolicy ('x' * 65) } | Should -Throw '*64*'
    }
    It 'say why forwarding can not be switched off here' {
        { Set-HostedOutboundSpamFilterPolicy Default -AutoForwardingMode Off -ErrorAction Stop } | Should -Throw '*in the mail server*'
    }
}

Describe 'Alert policies' {
    It 'have every setting that was given' {
        $made = New-ProtectionAlert Sales -Category MailFlow -ThreatType Activity -Operation 'Connector restricted' -NotifyUser a@contoso.com, TenantAdmins `
            -AggregationType None -Comment 'for sales' -Disabled $false -NotifyUserThrottleThreshold 5 -NotifyUserThrottleWindow 1440 -Severity Low
        $made.Severity | Should -Be 'Low'
        $made.Operation | Should -Be @('Connector restricted')
        $made.NotifyUser | Should -Be @('a@contoso.com', 'TenantAdmins')
        $made.NotifyUserThrottleThreshold | Should -Be 5
        $made.Comment | Should -Be 'for sales'
        Get-ProtectionAlert Sales | Set-ProtectionAlert -Disabled $true -Severity High -Description 'again' -NotifyUser @{ Remove = 'TenantAdmins' }
        $changed = Get-ProtectionAlert -Identity $made.Guid
        $changed.Disabled | Should -BeTrue
        $changed.Severity | Should -Be 'High'
        $changed.NotifyUser | Should -Be @('a@contoso.com')
        $changed | Remove-ProtectionAlert -Confirm:$false
        (Get-ProtectionAlert).Name | Should -Not -Contain 'Sales'
    }
}

Describe 'Postern''s own' {
    It 'find senders by a part of their name' {
        $null = Block-PosternSender 'anna.schmidt@contoso.com' -Reason x
        (Get-PosternSender schmi).Identity | Should -Be @('anna.schmidt@contoso.com')
        (Get-PosternSender -Anr 'crm').Identity | Should -Be @('connector:crm')
        @(Get-PosternSender -ResultSize 1).Count | Should -Be 1
        'schmi', 'crm' | Get-PosternSender | Get-PosternUsage | Group-Object Entity | Should -HaveCount 2
        Get-PosternSender nobody | Should -BeNullOrEmpty
    }
    It 'show usage, explain, and allow' {
        $usage = Get-PosternUsage anna.schmidt@contoso.com
        ($usage | Where-Object Window -eq per_day).Limit | Should -Be 1000
        $usage[0].Standing | Should -Be 'restricted'
        (Get-PosternExplanation anna.schmidt@contoso.com).Policy | Should -Be 'Default'
        $reference = (Get-BlockedSenderAddress -SenderAddress anna.schmidt@contoso.com).Reason -replace '.*Reference=(PR-[^;]*);', '$1'
        $why = Get-PosternExplanation -Identity $reference
        $why.Entity | Should -Be 'anna.schmidt@contoso.com'
        $why.Since | Should -BeOfType [datetime]
        $granted = Add-PosternAllowance news@contoso.com -RecipientLimitPerDay 20000 -Hours 24 -Reason 'the invitation'
        $granted.Until | Should -BeGreaterThan ([datetime]::UtcNow.AddHours(23))
        (Get-PosternUsage news@contoso.com | Where-Object Window -eq per_day).Limit | Should -Be 20000
    }
}

Describe 'A reader''s token' {
    It 'shows all and changes nothing' {
        $managing = 'Remove-BlockedSenderAddress -SenderAddress anna.schmidt@contoso.com', 'Set-HostedOutboundSpamFilterPolicy Default -RecipientLimitPerDay 1',
            'Remove-ProtectionAlert Sales -Confirm:$false', 'Add-PosternAllowance a@contoso.com -RecipientLimitPerDay 1 -Hours 1 -Reason x', 'Block-PosternSender a@contoso.com -Reason x'
        Connect-Postern $server.Uri -Token $reader
        try {
            Get-BlockedSenderAddress | Should -Not -BeNullOrEmpty
            foreach ($line in $managing) {
                { & ([scriptblock]::Create("$line -ErrorAction Stop")) } | Should -Throw '*sufficient permissions*' -Because $line
            }
        } finally { Connect-Postern $server.Uri -Token $admin }
        Get-BlockedSenderAddress -SenderAddress anna.schmidt@contoso.com | Should -Not -BeNullOrEmpty
    }
}

Describe 'The help of <Command>' -ForEach $commands {
    BeforeAll { $help = Get-Help $Command -Full }
    It 'has synopsis, description, notes, links and an example with its explanation' {
        $help.Synopsis | Should -Match '\.$'
        ($help.description | Out-String).Trim() | Should -Match '\.'
        $links = @($help.relatedLinks.navigationLink)
        $links.Count | Should -BeGreaterThan 0
        (Get-Command $Command).HelpUri | Should -Match '^https://.*\.md#'
        $examples = @($help.examples.example)
        $examples.Count | Should -BeGreaterThan 0
        foreach ($example in $examples) {
            $example.code | Should -Not -BeNullOrEmpty
            ($example.remarks | Out-String).Trim() | Should -Match '\.$'
        }
    }
    It 'describes each parameter' {
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
        foreach ($name in (Get-Command $Command).Parameters.Keys | Where-Object { $_ -notin $common }) {
            (Get-Help $Command -Parameter $name).description.Text | Should -Not -BeNullOrEmpty -Because "-$name"
        }
    }
}

Describe 'The examples' {
    It 'all do as they stand' {
        $own = New-TestServer
        try {
            $token = New-TestToken $own
            # What a person would type or have in a vault, and where the portal is.
            function global:Read-Host { param([switch]$AsSecureString) ConvertTo-SecureString $env:POSTERN_TOKEN -AsPlainText -Force }
            function global:Get-Secret { ConvertTo-SecureString $env:POSTERN_TOKEN -AsPlainText -Force }
            $env:POSTERN_URI, $env:POSTERN_TOKEN = $own.Uri, $token
            Connect-Postern
            $null = 'laura@contoso.com', 'julia@contoso.com', 'connector:crm' | Block-PosternSender -Reason phished
            $table = Get-Content (Join-Path $PSScriptRoot '../../cmdlets.toml')
            $order = @($table | Where-Object { $_ -match '^name = "(.*)"$' } | ForEach-Object { $Matches[1] })
            $others = (Get-Command -Module Postern).Name | Where-Object { $_ -notin $order }
            $count = 0
            foreach ($name in $order + ($others | Sort-Object)) {
                foreach ($example in @((Get-Help $name -Full).examples.example)) {
                    $code = $example.code -replace '(https://)?postern\.contoso\.com', $own.Uri
                    { & ([scriptblock]::Create($code)) *>$null } | Should -Not -Throw -Because $example.code
                    $count++
                }
            }
            $count | Should -BeGreaterThan 30
        } finally {
            $env:POSTERN_URI = $env:POSTERN_TOKEN = $null
            Remove-Item function:Read-Host, function:Get-Secret
            Remove-TestServer $own
            Connect-Postern $server.Uri -Token $admin
        }
    }
}

Describe 'The manifest' {
    It 'is whole, and has the server''s version' {
        $path = Join-Path $PSScriptRoot '../Postern/Postern.psd1'
        $manifest = Test-ModuleManifest $path
        $manifest.Version.ToString() | Should -Be (Get-PosternConnection).ServerVersion
        $manifest.CompatiblePSEditions | Should -Be @('Desktop', 'Core')
        $manifest.PowerShellVersion.ToString() | Should -Be '5.1'
        $data = $manifest.PrivateData.PSData
        foreach ($address in $data.LicenseUri, $data.ProjectUri) { $address | Should -Match '^https://' }
        $data.Tags.Count | Should -BeGreaterThan 4
        $data.Tags | ForEach-Object { $_ | Should -Not -Match '\s' }
        $data.ReleaseNotes, $manifest.Description, $manifest.Author, $manifest.CompanyName, $manifest.Copyright | ForEach-Object { $_ | Should -Not -BeNullOrEmpty }
        $manifest.ExportedFunctions.Count | Should -Be (Get-Command -Module Postern).Count
    }
    It 'exports what the server runs' {
        $client = [System.Net.Http.HttpClient]::new()
        $client.DefaultRequestHeaders.Add('Authorization', "Bearer $admin")
        $there = ($client.GetStringAsync("$($server.Uri)/adminapi/v1.0/default/EXOModuleFile?Version=1").Result | ConvertFrom-Json).value[0].exportedCmdlets -split ','
        $here = (Get-Command -Module Postern).Name | Where-Object { $_ -notin 'Connect-Postern', 'Disconnect-Postern', 'Get-PosternConnection' }
        $here | Sort-Object | Should -Be ($there | Sort-Object)
    }
    It 'has about_Postern' {
        (Get-Help about_Postern | Out-String) | Should -BeLike '*Connect-Postern*'
    }
}

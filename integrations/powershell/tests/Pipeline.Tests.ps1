# Pipelines by value and by property name, from files, of none, one, a thousand, and how long they take.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    Import-Module (Join-Path $PSScriptRoot '../Postern') -Force
    $server = New-TestServer
    Connect-Postern $server.Uri -Token (New-TestToken $server)

    # So many more restrictions in the store, as copies of one: quicker than to make each.
    function Copy-Restrictions($Server, [int]$Count) {
        Stop-TestServer $Server
        $copy = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < $Count)
            INSERT INTO restrictions (reference, entity, cause, evidence, since, organization)
            SELECT printf('PR-%04d-%04d', n / 10000, n % 10000), 'copy' || n || '@contoso.com', cause, evidence, since - n, organization
            FROM (SELECT * FROM restrictions WHERE released_at IS NULL LIMIT 1), n"
        & python3 -c 'import sqlite3, sys; store = sqlite3.connect(sys.argv[1]); store.execute(sys.argv[2]); store.commit()' "$($Server.Folder)/data/postern.db" $copy
        if ($LASTEXITCODE -ne 0) { throw 'the store was not filled' }
        Start-TestServer $Server
    }
}
AfterAll { Disconnect-Postern; Remove-TestServer $server }

Describe 'Blocked senders' {
    It 'are released as they are listed' {
        $null = 'a@contoso.com', 'b@contoso.com' | Block-PosternSender -Reason phished
        Get-BlockedSenderAddress | Remove-BlockedSenderAddress
        Get-BlockedSenderAddress | Should -BeNullOrEmpty
    }
    It 'come by <Name>' -ForEach @(
        @{ Name = 'value'; Piped = { 'p@contoso.com' } }
        @{ Name = 'an address of .NET'; Piped = { [System.Net.Mail.MailAddress]'p@contoso.com' } }
        @{ Name = 'SenderAddress'; Piped = { [pscustomobject]@{ SenderAddress = 'p@contoso.com' } } }
        @{ Name = 'Identity'; Piped = { [pscustomobject]@{ Identity = 'p@contoso.com' } } }
        @{ Name = 'Entity'; Piped = { [pscustomobject]@{ Entity = 'p@contoso.com' } } }
        @{ Name = 'entity of the API'; Piped = { '{"entity":"p@contoso.com","reason":"x"}' | ConvertFrom-Json } }
        @{ Name = 'a hash table'; Piped = { @{ Identity = 'p@contoso.com' } } }
        @{ Name = 'usage'; Piped = { Get-PosternUsage p@contoso.com | Select-Object -First 1 } }
    ) {
        $made = & $Piped | Block-PosternSender -Reason phished
        $made.SenderAddress | Should -Be 'p@contoso.com'
        & $Piped | Get-BlockedSenderAddress | Should -HaveCount 1
        & $Piped | Get-PosternExplanation | Select-Object -ExpandProperty Standing | Should -Be 'restricted'
        & $Piped | Remove-BlockedSenderAddress
        Get-BlockedSenderAddress | Should -BeNullOrEmpty
    }
    It 'come from a file, with a reason for each' {
        $file = Join-Path $server.Folder 'senders.csv'
        "Identity,Reason`nx@contoso.com,`"phished, twice`"`ny@contoso.com,lost laptop" | Set-Content $file
        (Import-Csv $file | Block-PosternSender).Reason | ForEach-Object { $_ -replace ';Reference.*' } |
            Should -Be @('RestrictedByAdmin;Comment=phished, twice', 'RestrictedByAdmin;Comment=lost laptop')
        Get-BlockedSenderAddress | Export-Csv $file
        Import-Csv $file | Remove-BlockedSenderAddress
        Get-BlockedSenderAddress | Should -BeNullOrEmpty
    }
    It 'are none where nothing comes' {
        @() | Remove-BlockedSenderAddress | Should -BeNullOrEmpty
        @() | Get-BlockedSenderAddress | Should -BeNullOrEmpty
        Get-BlockedSenderAddress | Remove-BlockedSenderAddress
        @() | Block-PosternSender -Reason x | Should -BeNullOrEmpty
    }
    It 'are told one error for each that is wrong; the others go on' {
        $made = 'good1@contoso.com', '@{entity=bad}', $null, '', 17, 'good2@contoso.com' |
            Block-PosternSender -Reason x -ErrorAction SilentlyContinue -ErrorVariable failed
        $made.SenderAddress | Should -Be @('good1@contoso.com', 'good2@contoso.com')
        $failed.Count | Should -Be 4
        (Get-BlockedSenderAddress).SenderAddress | Should -Be @('good1@contoso.com', 'good2@contoso.com')
        Get-BlockedSenderAddress | Remove-BlockedSenderAddress
    }
}

Describe 'Connectors' {
    It 'are released as they are listed' {
        $null = [pscustomobject]@{ Entity = 'connector:crm' } | Block-PosternSender -Reason broken
        Get-BlockedConnector | Get-BlockedConnector | Should -HaveCount 1
        Get-BlockedConnector | Remove-BlockedConnector
        Get-BlockedConnector | Should -BeNullOrEmpty
    }
}

Describe 'Policies, rules, alert policies and allowances' {
    It 'come from files' {
        "Name,RecipientLimitPerDay,ActionWhenThresholdReached`nOne,100,Alert`nTwo,200,BlockUser" | Set-Content "$($server.Folder)/p.csv"
        $made = Import-Csv "$($server.Folder)/p.csv" | New-HostedOutboundSpamFilterPolicy
        $made.RecipientLimitPerDay | Should -Be @(100, 200)
        "Name,HostedOutboundSpamFilterPolicy`nOne,One`nTwo,Two" | Set-Content "$($server.Folder)/r.csv"
        (Import-Csv "$($server.Folder)/r.csv" | New-HostedOutboundSpamFilterRule -SenderDomainIs contoso.com).Count | Should -Be 2
        "Name,Category,ThreatType,NotifyUser`nA,ThreatManagement,Activity,a@contoso.com" | Set-Content "$($server.Folder)/a.csv"
        (Import-Csv "$($server.Folder)/a.csv" | New-ProtectionAlert).NotifyUser | Should -Be @('a@contoso.com')
        "Identity,RecipientLimitPerDay,Hours,Reason`nnews@contoso.com,5000,2,fair" | Set-Content "$($server.Folder)/l.csv"
        (Import-Csv "$($server.Folder)/l.csv" | Add-PosternAllowance).RecipientLimitPerDay | Should -Be 5000
    }
    It 'are changed and removed as they are listed' {
        Get-HostedOutboundSpamFilterPolicy | Where-Object IsDefault -eq $false | Set-HostedOutboundSpamFilterPolicy -RecipientLimitPerDay 300
        (Get-HostedOutboundSpamFilterPolicy | Where-Object IsDefault -eq $false).RecipientLimitPerDay | Should -Be @(300, 300)
        Get-HostedOutboundSpamFilterRule | Disable-HostedOutboundSpamFilterRule
        Get-HostedOutboundSpamFilterRule | Enable-HostedOutboundSpamFilterRule
        (Get-HostedOutboundSpamFilterRule).State | Should -Be @('Enabled', 'Enabled')
        Get-HostedOutboundSpamFilterRule | Remove-HostedOutboundSpamFilterRule -Confirm:$false
        Get-HostedOutboundSpamFilterPolicy | Where-Object Name -ne Default | Remove-HostedOutboundSpamFilterPolicy -Force
        Get-ProtectionAlert A | Set-ProtectionAlert -Severity High
        Get-ProtectionAlert A | Get-ProtectionAlert | Remove-ProtectionAlert -Confirm:$false
        (Get-HostedOutboundSpamFilterPolicy).Name | Should -Be @('Default')
    }
}

Describe 'Many' {
    It 'are piped a thousand at once, listed and released in time' {
        $made = 1..1000 | ForEach-Object { [pscustomobject]@{ Identity = "u$_@contoso.com"; Reason = 'scale' } } | Block-PosternSender
        $made.Count | Should -Be 1000
        Copy-Restrictions $server 1000
        # The best of three: other tests run beside this one.
        $listing = 1..3 | ForEach-Object { Measure-Command { $script:listed = Get-BlockedSenderAddress } } | Sort-Object | Select-Object -First 1
        $listed.Count | Should -Be 2000
        ($listed.SenderAddress | Sort-Object -Unique).Count | Should -Be 2000
        $releasing = Measure-Command { $listed | Select-Object -First 100 | Remove-BlockedSenderAddress }
        @(Get-BlockedSenderAddress).Count | Should -Be 1900
        $listed | Select-Object -Skip 100 -First 1000 | Get-PosternExplanation | Should -HaveCount 1000
        # A person waits for these.
        Write-Host ('      2,000 listed in {0:n2} s, 100 released in {1:n2} s' -f $listing.TotalSeconds, $releasing.TotalSeconds)
        $listing.TotalSeconds | Should -BeLessThan 1
        $releasing.TotalSeconds | Should -BeLessThan 3
    }
    It 'are stopped by Select-Object without an error' {
        Get-BlockedSenderAddress | Select-Object -First 3 | Should -HaveCount 3
        1..1000 | ForEach-Object { "u$_@contoso.com" } | Get-PosternUsage | Select-Object -First 1 | Should -HaveCount 1
    }
    It 'show progress where that takes long, and none where it does not' {
        InModuleScope Postern {
            Mock Send-PosternRequest {
                Start-Sleep -Milliseconds 600
                $script:page++
                $value = [pscustomobject]@{ value = @([pscustomobject]@{ Name = "$script:page" }) }
                if ($script:page -lt 4) { $value | Add-Member '@odata.nextLink' "http://localhost/x?page=$script:page" }
                @{ Value = $value; Error = $null }
            }
            $script:page = 0
            $shell = @{ Lines = [System.Collections.ArrayList]::new() }
            $cmdlet = [pscustomobject]@{ Shell = $shell }
            $cmdlet | Add-Member ScriptMethod WriteProgress { $null = $this.Shell.Lines.Add($args[0].StatusDescription + '/' + $args[0].RecordType) }
            $cmdlet | Add-Member ScriptMethod WriteVerbose { }
            (Send-PosternCmdlet -Cmdlet $cmdlet -Name Get-BlockedSenderAddress -Parameters @{}).Count | Should -Be 4
            $shell.Lines | Should -Be @('2 so far/Processing', '3 so far/Processing', '3 so far/Completed')
        }
    }
}

Describe 'Ctrl-C' {
    It 'ends at once, leaves each sender released or not, and the connection usable' {
        $null = 1..200 | ForEach-Object { "c$_@contoso.com" } | Block-PosternSender -Reason x
        $before = @(Get-BlockedSenderAddress).Count
        $shell = [powershell]::Create()
        $null = $shell.AddScript('param($module, $uri, $token) Import-Module $module; Connect-Postern $uri -Token $token; Get-BlockedSenderAddress | Remove-BlockedSenderAddress -Reason stopped').
            AddArgument((Join-Path $PSScriptRoot '../Postern')).AddArgument($server.Uri).AddArgument((New-TestToken $server))
        $running = $shell.BeginInvoke()
        foreach ($try in 1..200) { if (@(Get-BlockedSenderAddress).Count -lt $before) { break }; Start-Sleep -Milliseconds 20 }
        $stopping = Measure-Command { $shell.Stop() }
        $stopping.TotalSeconds | Should -BeLessThan 2
        Start-Sleep -Milliseconds 300
        $left = @(Get-BlockedSenderAddress)
        $left.Count | Should -BeGreaterThan 0
        $left.Count | Should -BeLessThan $before
        Start-Sleep -Milliseconds 300
        @(Get-BlockedSenderAddress).Count | Should -Be $left.Count
        # What is released is released in the list, in the trail and for the sender.
        $released = @(Invoke-TestPostern $server --json restricted list --all | ConvertFrom-Json | Where-Object release_reason -eq stopped)
        $released.Count | Should -Be ($before - $left.Count)
        ($released | Select-Object -First 20).entity | Get-PosternExplanation | ForEach-Object Standing | Sort-Object -Unique | Should -Be 'probation'
        $left | Select-Object -First 20 | Get-PosternExplanation | ForEach-Object Standing | Sort-Object -Unique | Should -Be 'restricted'
    }
}

# The transcripts of docs/exchange.md are what the commands print. With POSTERN_WRITE_TRANSCRIPTS they are
# written anew (`make transcripts`).
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot 'TestServer.psm1') -Force
    $page = Join-Path $PSScriptRoot '../../../docs/exchange.md'
    $server = New-TestServer
    $env:POSTERN_TOKEN = New-TestToken $server -Name runbooks
    $null = Send-TestMessage $server -Login laura -Recipients 120 -Complete
    Send-TestMessage $server -Login laura -Recipients 381 | Should -BeLike '*5.1.8*'

    # What differs from run to run: times, references, the address and the build of the module.
    function Get-Steady([string]$Text) {
        $Text -replace 'PR-[0-9A-Z]{4}-[0-9A-Z]{4}', 'PR-XXXX-XXXX' -replace '\d{4}-\d\d-\d\d \d\d:\d\dZ', '2026-01-01 00:00Z' `
            -replace '\d+/\d+/\d{4} \d+:\d\d:\d\d( [AP]M)?', '1/1/2026 00:00:00' -replace '\b\d+\.\d+\.\d+\b', '0.0.0' -replace '(?m)[ \t]+$', ''
    }
    # The blocks of the page with what their commands print now.
    function Update-Transcripts([string]$Text) {
        Push-Location (Join-Path $PSScriptRoot '..')
        try {
            [regex]::Replace($Text, '(?s)```text\n(PS> .*?)```\n', {
                param($block)
                $lines = foreach ($line in $block.Groups[1].Value -split "`n" | Where-Object { $_ -like 'PS> *' }) {
                    $line
                    $run = $line.Substring(4) -replace 'postern\.contoso\.com', "localhost:$($server.Port)" -replace '\(Read-Host -AsSecureString\)', '$env:POSTERN_TOKEN'
                    $file = Join-Path $server.Folder 'transcript'
                    $printed = Invoke-Shown $run $file
                    $printed -replace "http://localhost:$($server.Port)", 'https://postern.contoso.com'
                }
                "``````text`n" + (($lines | Where-Object { $_ -ne '' }) -join "`n") + "`n```````n"
            })
        } finally { Pop-Location }
    }
    # What a person sees of a command in 80 columns: its objects, warnings, errors and -WhatIf.
    function Invoke-Shown([string]$Run, [string]$File) {
        $PSStyle.OutputRendering = 'PlainText'
        $ErrorView = 'ConciseView'
        $before = @()
        Start-Transcript $File -UseMinimalHeader | Out-Null
        try { $got = & { $ErrorActionPreference = 'Continue'; . ([scriptblock]::Create("$Run")) } 2>&1 3>&1 } finally { Stop-Transcript | Out-Null }
        $whatIf = Get-Content $File | Where-Object { $_ -like 'What if: *' }
        $shown = foreach ($one in @($got | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] -or $_ -is [System.Management.Automation.WarningRecord] })) {
            if ($one -is [System.Management.Automation.WarningRecord]) { "WARNING: $one" }
            else { '{0}: {1}' -f $one.InvocationInfo.MyCommand.Name, $one.Exception.Message }
        }
        $objects = @($got | Where-Object { $_ -isnot [System.Management.Automation.ErrorRecord] -and $_ -isnot [System.Management.Automation.WarningRecord] })
        $table = if ($objects) { ($objects | Out-String -Width 80).Trim("`r", "`n") -split "`r?`n" | ForEach-Object TrimEnd }
        @($whatIf) + @($table) + @($shown)
    }
}
AfterAll { $env:POSTERN_TOKEN = $null; if (Get-Module Postern) { Disconnect-Postern }; Remove-TestServer $server }

Describe 'docs/exchange.md' {
    It 'shows what is printed' {
        $there = (Get-Content $page -Raw) -replace "`r", ''
        $now = Update-Transcripts $there
        if ($env:POSTERN_WRITE_TRANSCRIPTS) { Set-Content $page $now -NoNewline }
        [regex]::Matches($now, '(?m)^PS> ').Count | Should -BeGreaterThan 8
        Get-Steady $now | Should -Be (Get-Steady ((Get-Content $page -Raw) -replace "`r", '')) -Because 'otherwise: make transcripts'
    }
}

# A real Postern for the tests: started on free loopback ports in a temporary folder, ended by its process.
# POSTERN_BINARY names the program; otherwise it is the checkout's own build.

$script:Root = (Resolve-Path (Join-Path $PSScriptRoot '../../..')).Path

function Get-PosternBinary {
    $builds = 'target/debug/postern', 'target/release/postern' | ForEach-Object { Join-Path $script:Root $_ }
    $found = @($env:POSTERN_BINARY) + $builds | Where-Object { $_ -and (Test-Path $_) } | Select-Object -First 1
    if (-not $found) { throw 'There is no postern to test against; build it, or name it in POSTERN_BINARY.' }
    $found
}

# A port that nobody has now.
function Get-FreePort {
    $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $port = $listener.LocalEndpoint.Port
    $listener.Stop()
    $port
}

# A Postern for contoso.com with the connector crm, ready to be asked.
function New-TestServer {
    param([string]$More = '')
    $folder = Join-Path ([IO.Path]::GetTempPath()) ('postern-' + [guid]::NewGuid().ToString('N'))
    $null = New-Item -ItemType Directory $folder
    $server = [pscustomobject]@{
        Folder = $folder; Port = Get-FreePort; Binary = Get-PosternBinary; Config = Join-Path $folder 'postern.toml'
        Process = $null; Uri = $null; DoorPort = Get-FreePort
    }
    $server.Uri = "http://localhost:$($server.Port)"
    @"
data = "$folder/data"
[organization]
name = "Contoso"
domains = ["contoso.com"]
admins = ["admin@contoso.com"]
[portal]
listen = "127.0.0.1:$($server.Port)"
[policy_door]
listen = ["127.0.0.1:$($server.DoorPort)"]
[[connector]]
name = "crm"
networks = ["192.0.2.7"]
$More
"@ | Set-Content $server.Config
    Start-TestServer $server
    $server
}

function Start-TestServer {
    param($Server)
    $Server.Process = Start-Process $Server.Binary '--config', $Server.Config, 'serve' -PassThru -RedirectStandardError "$($Server.Folder)/log" -RedirectStandardOutput "$($Server.Folder)/out"
    $client = [System.Net.Http.HttpClient]::new()
    foreach ($try in 1..300) {
        try { if ($client.GetAsync("$($Server.Uri)/readyz").Result.IsSuccessStatusCode) { return } } catch { $null = $_ }
        if ($Server.Process.HasExited) { break }
        Start-Sleep -Milliseconds 50
    }
    throw "Postern is not ready: $(Get-Content "$($Server.Folder)/log" -Raw)"
}

function Stop-TestServer {
    param($Server)
    if (-not $Server.Process.HasExited) {
        $Server.Process.Kill()
        $Server.Process.WaitForExit()
    }
}

function Remove-TestServer {
    param($Server)
    if ($null -eq $Server) { return }
    Stop-TestServer $Server
    Remove-Item -Recurse -Force $Server.Folder
}

# The command line against it; what it prints.
function Invoke-TestPostern {
    param($Server, [Parameter(ValueFromRemainingArguments = $true)][string[]]$Arguments)
    $output = & $Server.Binary --config $Server.Config @Arguments 2>"$($Server.Folder)/cli"
    if ($LASTEXITCODE -ne 0) { throw "postern ${Arguments}: $(Get-Content "$($Server.Folder)/cli" -Raw)" }
    $output
}

# A message with so many external recipients, as Postfix asks about it (SMTPD_POLICY_README), up to its end with
# -Complete; the last answer.
function Send-TestMessage {
    param($Server, [string]$Login, [int]$Recipients, [switch]$Complete)
    $client = [System.Net.Sockets.TcpClient]::new('127.0.0.1', $Server.DoorPort)
    $client.NoDelay = $true
    $reader, $writer = [IO.StreamReader]::new($client.GetStream()), [IO.StreamWriter]::new($client.GetStream())
    $message = "request=smtpd_access_policy`nsasl_username=$Login`nclient_address=192.0.2.9`nsender=$Login@contoso.com`ninstance=$([guid]::NewGuid())`n"
    $asked = @(1..$Recipients | ForEach-Object { "protocol_state=RCPT`nrecipient=r$_@outside.example`npolicy_context=gate`n`n" })
    if ($Complete) { $asked += "protocol_state=END-OF-MESSAGE`nrecipient_count=$Recipients`nsize=1000`npolicy_context=commit`n`n" }
    foreach ($question in $asked) {
        $writer.Write($message + $question)
        $writer.Flush()
        $answer = $reader.ReadLine()
        $null = $reader.ReadLine()
    }
    $client.Dispose()
    $answer
}

# A new token of that role.
function New-TestToken {
    param($Server, [string]$Role = 'security-administrator', [string]$Name = [guid]::NewGuid().ToString('N'), [string]$Organization)
    $where = @(if ($Organization) { '--organization', $Organization })
    Invoke-TestPostern $Server @where token add $Name --role $Role
}

# A server in front of it that answers first with what it is given, then hands on what it is asked.
# $First: texts such as "503 Service Unavailable`r`nRetry-After: 1".
function New-TestProxy {
    param($Server, [string[]]$First)
    $listener = [System.Net.Sockets.TcpListener]::new([System.Net.IPAddress]::Loopback, 0)
    $listener.Start()
    $shared = [hashtable]::Synchronized(@{ First = [System.Collections.Queue]::new(@($First | Where-Object { $_ })); Requests = [System.Collections.ArrayList]::new() })
    $shell = [powershell]::Create()
    $null = $shell.AddScript({
        param($listener, $shared, $port)
        while ($true) {
            $client = $listener.AcceptTcpClient()
            $stream = $client.GetStream()
            $bytes = [System.Collections.Generic.List[byte]]::new()
            $buffer = [byte[]]::new(65536)
            $length = $null
            while ($true) {
                $read = $stream.Read($buffer, 0, $buffer.Length)
                if ($read -le 0) { break }
                $bytes.AddRange([byte[]]$buffer[0..($read - 1)])
                $text = [Text.Encoding]::Latin1.GetString($bytes.ToArray())
                $end = $text.IndexOf("`r`n`r`n")
                if ($end -lt 0) { continue }
                $length = if ($text -match '(?im)^content-length: (\d+)') { [int]$Matches[1] } else { 0 }
                if ($bytes.Count -ge $end + 4 + $length) { break }
            }
            $text = [Text.Encoding]::Latin1.GetString($bytes.ToArray())
            $null = $shared.Requests.Add($text)
            if ($shared.First.Count -gt 0) {
                $answer = [Text.Encoding]::Latin1.GetBytes("HTTP/1.1 $($shared.First.Dequeue())`r`nContent-Length: 0`r`nConnection: close`r`n`r`n")
            } else {
                $forward = $text -replace '(?im)^connection:.*\r\n', '' -replace "`r`n`r`n", "`r`nConnection: close`r`n`r`n"
                $inner = [System.Net.Sockets.TcpClient]::new('127.0.0.1', $port)
                $to = $inner.GetStream()
                $out = [Text.Encoding]::Latin1.GetBytes($forward)
                $to.Write($out, 0, $out.Length)
                $memory = [IO.MemoryStream]::new()
                $to.CopyTo($memory)
                $answer = $memory.ToArray()
                $inner.Dispose()
            }
            $stream.Write($answer, 0, $answer.Length)
            $client.Dispose()
        }
    }).AddArgument($listener).AddArgument($shared).AddArgument($Server.Port)
    $null = $shell.BeginInvoke()
    [pscustomobject]@{ Uri = "http://localhost:$($listener.LocalEndpoint.Port)"; Listener = $listener; Shell = $shell; Shared = $shared }
}

function Remove-TestProxy {
    param($Proxy)
    $Proxy.Listener.Stop()
    $null = $Proxy.Shell.BeginStop($null, $null)
}

# Another PowerShell, as a person has it: what it prints to a terminal of 80 columns. $Answers are typed.
function Invoke-OtherShell {
    param([string]$Script, [string[]]$Answers = @(), [hashtable]$Environment = @{})
    $start = [System.Diagnostics.ProcessStartInfo]::new((Join-Path $PSHOME 'pwsh'))
    foreach ($argument in '-NoProfile', '-Command', $Script) { $start.ArgumentList.Add($argument) }
    foreach ($name in $Environment.Keys) { $start.Environment[$name] = $Environment[$name] }
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [System.Diagnostics.Process]::Start($start)
    foreach ($answer in $Answers) { $process.StandardInput.WriteLine($answer) }
    $process.StandardInput.Close()
    $errors = $process.StandardError.ReadToEndAsync()
    $output = $process.StandardOutput.ReadToEnd()
    $process.WaitForExit()
    $output + $errors.Result
}

Export-ModuleMember -Function *

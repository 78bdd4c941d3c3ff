# What the Tab key offers for values that the server knows.

# How long the Tab key may take, in milliseconds.
$script:CompletionTime = 1500

# Which cmdlet lists each kind, and the property that is offered.
$script:CompletionSources = @{
    'blocked-senders'    = @{ Name = 'Get-BlockedSenderAddress'; Property = 'SenderAddress' }
    'blocked-connectors' = @{ Name = 'Get-BlockedConnector'; Property = 'ConnectorName' }
    'policies'           = @{ Name = 'Get-HostedOutboundSpamFilterPolicy'; Property = 'Name' }
    'rules'              = @{ Name = 'Get-HostedOutboundSpamFilterRule'; Property = 'Name' }
    'alerts'             = @{ Name = 'Get-ProtectionAlert'; Property = 'Name' }
    'senders'            = @{ Name = 'Get-PosternSender'; Property = 'Identity' }
}

# Values of a kind that begin with what is typed, or have it in them, quoted where PowerShell needs that.
# Where there are none, what is typed is offered: after nothing, PowerShell would offer file names.
function Complete-PosternValue {
    param([string]$Kind, [string]$Word)
    $same = if ($Word) { $Word } else { ' ' }
    $none = [System.Management.Automation.CompletionResult]::new($same, $same, 'Text', $same)
    $connection = $script:Connection
    if ($null -eq $connection) { return $none }
    $source = $script:CompletionSources[$Kind]
    $typed = $Word.Trim('''"')
    $parameters = @{}
    if ($Kind -eq 'senders') { $parameters = @{ Anr = $typed; ResultSize = 50 } }
    $body = ConvertTo-Json -Depth 4 -Compress @{ CmdletInput = @{ CmdletName = $source.Name; Parameters = $parameters } }
    $path = '/adminapi/v1.0/{0}/InvokeCommand?$select={1}' -f [uri]::EscapeDataString($connection.Organization), $source.Property
    $answer = Send-PosternOnce -Connection $connection -Method Post -Path $path -Body $body -Milliseconds $script:CompletionTime
    if ($answer.Failure -or $answer.Status -ne 200) { return $none }
    $value = ConvertFrom-PosternJson -Answer $answer
    if ($null -eq $value -or -not $value.PSObject.Properties['value']) { return $none }
    $names = @(foreach ($object in $value.value) { [string]$object.($source.Property) })
    $first = @($names | Where-Object { $_.StartsWith($typed, [StringComparison]::OrdinalIgnoreCase) } | Sort-Object)
    $others = @($names | Where-Object { $_.IndexOf($typed, [StringComparison]::OrdinalIgnoreCase) -gt 0 } | Sort-Object)
    $offered = $first + $others
    if (-not $offered) { return $none }
    foreach ($name in $offered) {
        [System.Management.Automation.CompletionResult]::new((ConvertTo-PosternArgument $name), $name, 'ParameterValue', $name)
    }
}

function ConvertTo-PosternArgument {
    param([string]$Text)
    if ($Text -match '^[A-Za-z0-9_][A-Za-z0-9_.:@+-]*$' -and $Text -notmatch '^[0-9.]+$') { return $Text }
    "'" + [System.Management.Automation.Language.CodeGeneration]::EscapeSingleQuotedStringContent($Text) + "'"
}

# Bound to the module, where the functions above are found; which kind it is, is looked up by name.
$offer = {
    param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
    Complete-PosternValue -Kind $script:Completions["$commandName -$parameterName"] -Word $wordToComplete
}
foreach ($key in $script:Completions.Keys) {
    $command, $parameter = $key -split ' -'
    Register-ArgumentCompleter -CommandName $command -ParameterName $parameter -ScriptBlock $offer
}

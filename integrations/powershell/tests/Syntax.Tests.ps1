# Held to the syntax of Windows PowerShell 5.1, which can't be run here, by the parsed tree.
BeforeAll {
    # What 5.1 does not parse, or does not have.
    function Find-NewSyntax {
        param([System.Management.Automation.Language.Ast]$Tree)
        $Tree.FindAll({
            param($node)
            $name = $node.GetType().Name
            if ($name -in 'TernaryExpressionAst', 'PipelineChainAst') { return $true }
            if ($name -eq 'BinaryExpressionAst' -and $node.Operator -eq 'QuestionQuestion') { return $true }
            if ($name -eq 'AssignmentStatementAst' -and $node.Operator -eq 'QuestionQuestionEquals') { return $true }
            if ($node -is [System.Management.Automation.Language.MemberExpressionAst] -and $node.NullConditional) { return $true }
            if ($name -eq 'IndexExpressionAst' -and $node.NullConditional) { return $true }
            if ($name -eq 'PipelineAst' -and $node.Background) { return $true }
            if ($name -eq 'ScriptBlockAst' -and $node.CleanBlock) { return $true }
            if ($name -eq 'CommandAst') {
                $names = $node.CommandElements | Where-Object { $_ -is [System.Management.Automation.Language.CommandParameterAst] } | ForEach-Object ParameterName
                $command = $node.GetCommandName()
                if ($names -contains 'Parallel' -or $names -contains 'AsHashtable' -or $names -contains 'SkipHttpErrorCheck') { return $true }
                if ($command -in 'Join-String', 'Get-Error', 'Start-ThreadJob', 'Test-Json') { return $true }
            }
            # Escapes and encodings that came later.
            if ($name -in 'StringConstantExpressionAst', 'ExpandableStringExpressionAst' -and $node.Extent.Text -match '^"' -and $node.Extent.Text -match '`[eu]') { return $true }
            if ($name -eq 'VariableExpressionAst' -and $node.VariablePath.UserPath -in 'IsWindows', 'IsLinux', 'IsMacOS', 'IsCoreCLR', 'PSStyle') { return $true }
            $false
        }, $true)
    }
    function Get-Tree([string]$Text) {
        $errors = $null
        $tree = [System.Management.Automation.Language.Parser]::ParseInput($Text, [ref]$null, [ref]$errors)
        $errors | Should -BeNullOrEmpty
        $tree
    }
}

Describe 'The check' {
    It 'finds <_>' -ForEach @(
        '$a ?? 1', '$a ??= 1', '$a ? 1 : 2', 'a && b', 'a || b', '${a}?.b', '${a}?[0]', 'a &', '1 | ForEach-Object -Parallel { 1 }',
        'function f { process { } clean { } }', '$x | ConvertFrom-Json -AsHashtable', '"`e[0m"', '$IsWindows', '1 | Join-String'
    ) { @(Find-NewSyntax (Get-Tree $_)).Count | Should -BeGreaterThan 0 }
    It 'lets pass <_>' -ForEach @('if ($a) { 1 } else { 2 }', '$a.b[0]; & $c', 'class A { [int]$B }; [A]::new()', '"`n"') {
        Find-NewSyntax (Get-Tree $_) | Should -BeNullOrEmpty
    }
}

Describe 'The module' {
    It '<_> is PowerShell that 5.1 parses' -ForEach @(
        Get-ChildItem (Join-Path $PSScriptRoot '../Postern') -Recurse -Include *.ps1, *.psm1, *.psd1 | ForEach-Object Name
    ) {
        $text = Get-Content (Join-Path $PSScriptRoot "../Postern/$_") -Raw
        Find-NewSyntax (Get-Tree $text) | ForEach-Object { '{0}: {1}' -f $_.Extent.StartLineNumber, $_.Extent.Text } | Should -BeNullOrEmpty
        # 5.1 reads files without a byte order mark in the code page of the machine.
        $text | Should -Not -Match '[^\x00-\x7f]'
    }
    It 'calls no program' {
        $tree = Get-Tree ((Get-ChildItem (Join-Path $PSScriptRoot '../Postern') -Include *.ps1, *.psm1 -Recurse | Get-Content -Raw) -join "`n")
        $commands = $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true) | ForEach-Object { $_.GetCommandName() } | Where-Object { $_ } | Sort-Object -Unique
        $own = $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.FunctionDefinitionAst] }, $true) | ForEach-Object Name
        # What Windows PowerShell 5.1 has.
        $known = 'Add-Type', 'ConvertFrom-Json', 'ConvertTo-Json', 'Get-Command', 'Join-Path', 'Register-ArgumentCompleter', 'Set-StrictMode', 'Set-Variable', 'Sort-Object', 'Where-Object'
        $commands | Where-Object { $_ -notin $own -and $_ -notin $known } | Should -BeNullOrEmpty
    }
}

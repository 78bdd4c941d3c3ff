# How every cmdlet runs: preferences of the caller, what is asked before a change, the call, its objects.

# Functions of a module don't see the preferences of the script that calls them; this lets the caller's
# function see them.
function Import-PosternPreference {
    param($Cmdlet, [System.Collections.IDictionary]$Bound)
    $preferences = @{
        ErrorActionPreference = 'ErrorAction'
        WarningPreference     = 'WarningAction'
        VerbosePreference     = 'Verbose'
        ProgressPreference    = 'ProgressAction'
        WhatIfPreference      = 'WhatIf'
        ConfirmPreference     = 'Confirm'
    }
    foreach ($name in $preferences.Keys) {
        if ($Bound.ContainsKey($preferences[$name])) { continue }
        $value = $Cmdlet.SessionState.PSVariable.GetValue($name)
        # Set-Variable asks and reports too, unless it is kept from it.
        if ($null -ne $value) { Set-Variable -Name $name -Value $value -Scope 1 -WhatIf:$false -Confirm:$false }
    }
}

# Whether a call names something, is possible, and is wanted. $Does is what it would do, as a sentence
# without a full stop; without it nothing is asked.
function Confirm-PosternCall {
    param($Cmdlet, [string]$Name, [System.Collections.IDictionary]$Parameters, [string]$Subject, [string]$Does)
    $identity = if ($Parameters.ContainsKey($Subject)) { $Parameters[$Subject] }
    $message = $null
    if ($Parameters.ContainsKey($Subject) -and -not $identity) {
        # A variable that came out empty means nobody, and not everybody.
        $message = "Cannot bind argument to parameter '$Subject' because it is null or empty."
    } elseif ($identity -is [string] -and $identity.StartsWith([char]0)) {
        $message = '{0}: an object of type {1} names nothing; expected text, or an object with the property {0}.' -f
            $Subject, $identity.Substring(1)
    }
    if ($message) {
        $Cmdlet.WriteError((New-PosternErrorRecord -Id 'InvalidIdentity' -Category InvalidArgument -Message $message -Target $Subject))
        return $false
    }
    if ($null -eq $script:Connection) {
        Stop-PosternCall $Cmdlet (New-PosternErrorRecord -Id 'NotConnected' -Category ConnectionError -Target $Name -Message (
            'You are not connected; run Connect-Postern first.'))
    }
    if (-not $Does) { return $true }
    if ($WhatIfPreference) {
        # What could not be done is not shown as what would be.
        $tried = Send-PosternCmdlet -Cmdlet $Cmdlet -Name $Name -Parameters $Parameters -Target $identity -WhatIf
        if ($null -eq $tried) { return $false }
    }
    $Cmdlet.ShouldProcess("$Does.", "${Does}?", 'Confirm')
}

# Runs a cmdlet on the server and hands on its objects. All pages are read first: whoever changes what is
# listed changes no page.
function Invoke-PosternCmdlet {
    param($Cmdlet, [string]$Name, [System.Collections.IDictionary]$Parameters, [string]$Subject, [string]$Type)
    $target = if ($Parameters.ContainsKey($Subject)) { $Parameters[$Subject] }
    $objects = Send-PosternCmdlet -Cmdlet $Cmdlet -Name $Name -Parameters $Parameters -Target $target
    if ($null -eq $objects) { return }
    foreach ($object in $objects) {
        # A connector that was restricted by a cmdlet for both.
        $own = if ($object.PSObject.Properties['ConnectorId']) { 'Postern.BlockedConnector' } else { $Type }
        ConvertTo-PosternObject -Type $own -Object $object
    }
}

# The objects as the server sends them, as a list; null after an error, which is reported.
function Send-PosternCmdlet {
    param($Cmdlet, [string]$Name, [System.Collections.IDictionary]$Parameters, $Target, [switch]$WhatIf)
    $given = ConvertTo-PosternParameter $Parameters
    if ($WhatIf) { $given.WhatIf = $true }
    $body = ConvertTo-Json -Depth 8 -Compress @{ CmdletInput = @{ CmdletName = $Name; Parameters = $given } }
    $connection = $script:Connection
    $path = '/adminapi/v1.0/{0}/InvokeCommand' -f [uri]::EscapeDataString($connection.Organization)
    $found = [System.Collections.ArrayList]::new()
    $begun = [System.Diagnostics.Stopwatch]::StartNew()
    $progress = $null
    $query = ''
    $Cmdlet.WriteVerbose(('{0} at {1}, organization {2}' -f $Name, $connection.Base, $connection.Organization))
    while ($true) {
        $answer = Send-PosternRequest -Cmdlet $Cmdlet -Connection $connection -Method Post -Path ($path + $query) -Body $body -Target $Target
        if ($answer.Error) {
            # These would come again for everything else in the pipeline.
            if ($answer.Error.CategoryInfo.Category -in 'AuthenticationError', 'ConnectionError') {
                Stop-PosternCall $Cmdlet $answer.Error
            }
            $Cmdlet.WriteError($answer.Error)
            return
        }
        if (-not $WhatIf -and $answer.Value.PSObject.Properties['@adminapi.warnings']) {
            foreach ($warning in $answer.Value.'@adminapi.warnings') { $Cmdlet.WriteWarning($warning) }
        }
        if ($answer.Value.PSObject.Properties['value']) {
            foreach ($object in $answer.Value.value) { $null = $found.Add($object) }
        }
        if (-not $answer.Value.PSObject.Properties['@odata.nextLink']) { break }
        # The token goes to no server but the one that was connected to.
        $query = ([uri]$answer.Value.'@odata.nextLink').Query
        if ($begun.ElapsedMilliseconds -gt 1000) {
            $progress = [System.Management.Automation.ProgressRecord]::new(1, $Name, "$($found.Count) so far")
            $Cmdlet.WriteProgress($progress)
        }
    }
    if ($progress) {
        $progress.RecordType = 'Completed'
        $Cmdlet.WriteProgress($progress)
    }
    , $found
}

# Parameters as JSON has them, without those that every cmdlet has.
function ConvertTo-PosternParameter {
    param([System.Collections.IDictionary]$Parameters)
    $given = @{}
    $common = @([System.Management.Automation.PSCmdlet]::CommonParameters) +
        @([System.Management.Automation.PSCmdlet]::OptionalCommonParameters)
    foreach ($key in $Parameters.Keys) {
        if ($common -contains $key) { continue }
        $value = $Parameters[$key]
        if ($value -is [switch]) { $value = [bool]$value }
        # @{Add = ...; Remove = ...} is sent as it is; what comes from a pipeline is often a list of objects.
        if ($value -is [System.Collections.IEnumerable] -and $value -isnot [string] -and $value -isnot [System.Collections.IDictionary]) {
            $value = @(foreach ($one in $value) { [string]$one })
        }
        $given[$key] = $value
    }
    $given
}

# Properties in order, with the types that the server names, and a type name by which views are found.
function ConvertTo-PosternObject {
    param([string]$Type, $Object)
    $made = [ordered]@{}
    $types = @{}
    foreach ($property in $Object.PSObject.Properties) {
        $name = $property.Name
        if ($name.EndsWith('@data.type')) { $types[$name.Substring(0, $name.Length - 10)] = $property.Value; continue }
        $value = $property.Value
        if ($null -ne $value) {
            switch ($types[$name]) {
                'System.DateTime' {
                    if ($value -is [string]) {
                        $value = [datetime]::Parse($value, [cultureinfo]::InvariantCulture, 'RoundtripKind')
                    }
                }
                'System.UInt32' { $value = [uint32]$value }
                'System.Guid' { $value = [guid]$value }
                '#Collection(String)' { $value = [string[]]@($value) }
                default { if ($value -is [datetime]) { $value = $value.ToString('o') } }
            }
        }
        $made[$name] = $value
    }
    $typed = [pscustomobject]$made
    $typed.PSObject.TypeNames.Insert(0, $Type)
    $typed
}

# Exchange Online's cmdlets for outbound spam, against Postern. Written for Windows PowerShell 5.1 and later.
Set-StrictMode -Version 2.0

if ($PSVersionTable.PSEdition -ne 'Core') { Add-Type -AssemblyName System.Net.Http }

# What names a sender, connector or policy: text, or an object that has one of these properties. Anything else
# becomes text that begins with a NUL, which Confirm-PosternIdentity reports: an exception from here would
# stand in $Error twice.
class PosternIdentity : System.Management.Automation.ArgumentTransformationAttribute {
    [string[]]$Names
    PosternIdentity([string]$names) { $this.Names = $names -split ',' }

    [object] Transform([System.Management.Automation.EngineIntrinsics]$engine, [object]$given) {
        $value = $given
        if ($value -is [psobject]) { $value = $value.PSObject.BaseObject }
        if ($null -eq $value) { return $given }
        if ($value -is [string]) { return $value }
        if ($value -is [char] -or $value -is [guid] -or $value -is [uri] -or $value -is [System.Net.Mail.MailAddress]) {
            return [string]$value
        }
        foreach ($name in $this.Names) {
            $property = $null
            if ($value -is [System.Collections.IDictionary]) {
                foreach ($key in $value.Keys) { if ([string]$key -eq $name) { $property = $value[$key] } }
            } elseif ($given.PSObject.Properties[$name]) {
                $property = $given.PSObject.Properties[$name].Value
            }
            if ($property -is [string] -or $property -is [guid]) { return [string]$property }
        }
        return [string][char]0 + $value.GetType().Name
    }
}

$script:Connection = $null

. (Join-Path $PSScriptRoot 'Connection.ps1')
. (Join-Path $PSScriptRoot 'Request.ps1')
. (Join-Path $PSScriptRoot 'Invoke.ps1')
. (Join-Path $PSScriptRoot 'Cmdlets.ps1')
. (Join-Path $PSScriptRoot 'Completion.ps1')

$ExecutionContext.SessionState.Module.OnRemove = { Disconnect-Postern }

# Made from integrations/cmdlets.toml by `make cmdlets`; change it there.

function Get-BlockedSenderAddress {
<#
.SYNOPSIS
Lists accounts that are restricted from sending mail.
.PARAMETER SenderAddress
Only this account. One that is not restricted is an error.
.EXAMPLE
Get-BlockedSenderAddress
.EXAMPLE
Get-BlockedSenderAddress -SenderAddress laura@contoso.com
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter()]
        [string]$SenderAddress
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-BlockedSenderAddress' -Parameters $PSBoundParameters
    }
}

function Remove-BlockedSenderAddress {
<#
.SYNOPSIS
Lets a restricted account send mail again, in force with its next message.
.PARAMETER SenderAddress
The account.
.PARAMETER Reason
Why it may send again; stands in the audit trail. Exchange's documentation calls it the reason of the block, which Postern knows by itself.
.EXAMPLE
Remove-BlockedSenderAddress -SenderAddress julia@contoso.com
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true)]
        [string]$SenderAddress,

        [Parameter()]
        [ValidateLength(0, 1024)]
        [string]$Reason
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($SenderAddress, 'Remove-BlockedSenderAddress')) {
            Invoke-PosternCmdlet -Name 'Remove-BlockedSenderAddress' -Parameters $PSBoundParameters
        }
    }
}

function Get-BlockedConnector {
<#
.SYNOPSIS
Lists connectors that are restricted from sending mail.
.PARAMETER ConnectorId
Only this connector: its id, or its name. One that is not restricted is an error.
.EXAMPLE
Get-BlockedConnector
.EXAMPLE
Get-BlockedConnector -ConnectorId 159eb7c4-75d7-43e2-95fe-ced44b3e0a56 | Format-List
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter()]
        [string]$ConnectorId
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-BlockedConnector' -Parameters $PSBoundParameters
    }
}

function Remove-BlockedConnector {
<#
.SYNOPSIS
Lets a restricted connector send mail again.
.PARAMETER ConnectorId
The connector: its id, or its name.
.PARAMETER Reason
Why it may send again; stands in the audit trail.
.EXAMPLE
Remove-BlockedConnector -ConnectorId 159eb7c4-75d7-43e2-95fe-ced44b3e0a56
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true)]
        [string]$ConnectorId,

        [Parameter()]
        [ValidateLength(0, 1024)]
        [string]$Reason
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($ConnectorId, 'Remove-BlockedConnector')) {
            Invoke-PosternCmdlet -Name 'Remove-BlockedConnector' -Parameters $PSBoundParameters
        }
    }
}

function Get-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Shows outbound policies: limits, action and notifications.
.PARAMETER Identity
Only this policy, by its name or Guid.
.EXAMPLE
Get-HostedOutboundSpamFilterPolicy
.EXAMPLE
Get-HostedOutboundSpamFilterPolicy -Identity Default
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter(Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters
    }
}

function New-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Makes an outbound policy. It holds for nobody until a rule says for whom.
.PARAMETER Name
Its name.
.PARAMETER ActionWhenThresholdReached
What follows when a limit is passed. Defer is Postern's own: mail over the limit comes back later.
.PARAMETER AdminDisplayName
What it is for.
.PARAMETER AutoForwardingMode
Only Automatic: the mail server forwards, and Postern does not see why a message was sent.
.PARAMETER BccSuspiciousOutboundAdditionalRecipients
Who gets the copies: one address.
.PARAMETER BccSuspiciousOutboundMail
Whether copies of suspicious mail are sent.
.PARAMETER NotifyOutboundSpam
Whether somebody is told when a sender is restricted, besides the alert policy's recipients.
.PARAMETER NotifyOutboundSpamRecipients
Who is told.
.PARAMETER RecipientLimitExternalPerHour
External recipients per hour; 0: the service's default.
.PARAMETER RecipientLimitInternalPerHour
Internal recipients per hour; 0: the service's default.
.PARAMETER RecipientLimitPerDay
Recipients per day; 0: the service's default.
.PARAMETER RecommendedPolicyType
Microsoft's recommended values to begin with.
.EXAMPLE
New-HostedOutboundSpamFilterPolicy -Name "Contoso Executives" -RecipientLimitExternalPerHour 400 -RecipientLimitInternalPerHour 800 -RecipientLimitPerDay 800 -ActionWhenThresholdReached BlockUser
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter()]
        [ValidateSet('Alert', 'BlockUserForToday', 'BlockUser', 'Defer')]
        [string]$ActionWhenThresholdReached,

        [Parameter()]
        [ValidateLength(0, 256)]
        [string]$AdminDisplayName,

        [Parameter()]
        [ValidateSet('Automatic', 'On', 'Off')]
        [string]$AutoForwardingMode,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$BccSuspiciousOutboundAdditionalRecipients,

        [Parameter()]
        [bool]$BccSuspiciousOutboundMail,

        [Parameter()]
        [bool]$NotifyOutboundSpam,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$NotifyOutboundSpamRecipients,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitExternalPerHour,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitInternalPerHour,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitPerDay,

        [Parameter()]
        [ValidateSet('Standard', 'Strict')]
        [string]$RecommendedPolicyType
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Name, 'New-HostedOutboundSpamFilterPolicy')) {
            Invoke-PosternCmdlet -Name 'New-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters
        }
    }
}

function Set-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Changes an outbound policy.
.PARAMETER Identity
The policy, by its name or Guid.
.PARAMETER ActionWhenThresholdReached
What follows when a limit is passed. Defer is Postern's own: mail over the limit comes back later.
.PARAMETER AdminDisplayName
What it is for.
.PARAMETER AutoForwardingMode
Only Automatic: the mail server forwards, and Postern does not see why a message was sent.
.PARAMETER BccSuspiciousOutboundAdditionalRecipients
Who gets the copies: one address.
.PARAMETER BccSuspiciousOutboundMail
Whether copies of suspicious mail are sent.
.PARAMETER NotifyOutboundSpam
Whether somebody is told when a sender is restricted, besides the alert policy's recipients.
.PARAMETER NotifyOutboundSpamRecipients
Who is told.
.PARAMETER RecipientLimitExternalPerHour
External recipients per hour; 0: the service's default.
.PARAMETER RecipientLimitInternalPerHour
Internal recipients per hour; 0: the service's default.
.PARAMETER RecipientLimitPerDay
Recipients per day; 0: the service's default.
.EXAMPLE
Set-HostedOutboundSpamFilterPolicy -Identity Default -RecipientLimitExternalPerHour 500 -RecipientLimitInternalPerHour 1000 -RecipientLimitPerDay 1000 -ActionWhenThresholdReached BlockUser
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter()]
        [ValidateSet('Alert', 'BlockUserForToday', 'BlockUser', 'Defer')]
        [string]$ActionWhenThresholdReached,

        [Parameter()]
        [ValidateLength(0, 256)]
        [string]$AdminDisplayName,

        [Parameter()]
        [ValidateSet('Automatic', 'On', 'Off')]
        [string]$AutoForwardingMode,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$BccSuspiciousOutboundAdditionalRecipients,

        [Parameter()]
        [bool]$BccSuspiciousOutboundMail,

        [Parameter()]
        [bool]$NotifyOutboundSpam,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$NotifyOutboundSpamRecipients,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitExternalPerHour,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitInternalPerHour,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitPerDay
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Set-HostedOutboundSpamFilterPolicy')) {
            Invoke-PosternCmdlet -Name 'Set-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters
        }
    }
}

function Remove-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Removes an outbound policy, and its rule with it.
.PARAMETER Identity
The policy, by its name or Guid.
.PARAMETER Force
Does not ask.
.EXAMPLE
Remove-HostedOutboundSpamFilterPolicy -Identity "Contoso Executives"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter()]
        [switch]$Force
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }
        if ($PSCmdlet.ShouldProcess($Identity, 'Remove-HostedOutboundSpamFilterPolicy')) {
            Invoke-PosternCmdlet -Name 'Remove-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters
        }
    }
}

function Get-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Shows for whom outbound policies are, and in which order.
.PARAMETER Identity
Only this rule, by its name or Guid.
.PARAMETER State
Only rules in this state.
.EXAMPLE
Get-HostedOutboundSpamFilterRule
.EXAMPLE
Get-HostedOutboundSpamFilterRule -State Enabled
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter()]
        [ValidateSet('Enabled', 'Disabled')]
        [string]$State
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters
    }
}

function New-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Says for whom an outbound policy is.
.PARAMETER Name
The rule's name.
.PARAMETER HostedOutboundSpamFilterPolicy
The policy: not the default one, and none that has a rule.
.PARAMETER Comments
What it is for.
.PARAMETER Enabled
Whether it is looked at; by itself it is.
.PARAMETER From
These accounts.
.PARAMETER FromMemberOf
Members of these groups.
.PARAMETER SenderDomainIs
Accounts of these domains.
.PARAMETER ExceptIfFrom
Not these accounts.
.PARAMETER ExceptIfFromMemberOf
Not members of these groups.
.PARAMETER ExceptIfSenderDomainIs
Not accounts of these domains.
.PARAMETER Priority
0 is looked at first; by itself the last place.
.EXAMPLE
New-HostedOutboundSpamFilterRule -Name "Contoso Executives" -HostedOutboundSpamFilterPolicy "Contoso Executives" -FromMemberOf "Contoso Executives Group"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter(Mandatory = $true)]
        [string]$HostedOutboundSpamFilterPolicy,

        [Parameter()]
        [ValidateLength(0, 1024)]
        [string]$Comments,

        [Parameter()]
        [bool]$Enabled,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$From,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$FromMemberOf,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$SenderDomainIs,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$ExceptIfFrom,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$ExceptIfFromMemberOf,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$ExceptIfSenderDomainIs,

        [Parameter()]
        [uint32]$Priority
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Name, 'New-HostedOutboundSpamFilterRule')) {
            Invoke-PosternCmdlet -Name 'New-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters
        }
    }
}

function Set-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Changes for whom an outbound policy is, or its place in the order.
.PARAMETER Identity
The rule, by its name or Guid.
.PARAMETER Name
The rule's name.
.PARAMETER HostedOutboundSpamFilterPolicy
The policy: not the default one, and none that has a rule.
.PARAMETER Comments
What it is for.
.PARAMETER From
These accounts.
.PARAMETER FromMemberOf
Members of these groups.
.PARAMETER SenderDomainIs
Accounts of these domains.
.PARAMETER ExceptIfFrom
Not these accounts.
.PARAMETER ExceptIfFromMemberOf
Not members of these groups.
.PARAMETER ExceptIfSenderDomainIs
Not accounts of these domains.
.PARAMETER Priority
0 is looked at first; by itself the last place.
.EXAMPLE
Set-HostedOutboundSpamFilterRule -Identity "Marketing Department" -Priority 2
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter()]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter()]
        [string]$HostedOutboundSpamFilterPolicy,

        [Parameter()]
        [ValidateLength(0, 1024)]
        [string]$Comments,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$From,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$FromMemberOf,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$SenderDomainIs,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$ExceptIfFrom,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$ExceptIfFromMemberOf,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$ExceptIfSenderDomainIs,

        [Parameter()]
        [uint32]$Priority
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Set-HostedOutboundSpamFilterRule')) {
            Invoke-PosternCmdlet -Name 'Set-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters
        }
    }
}

function Remove-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Takes the rule from an outbound policy, which then holds for nobody.
.PARAMETER Identity
The rule, by its name or Guid.
.EXAMPLE
Remove-HostedOutboundSpamFilterRule -Identity "Contoso Executives"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Remove-HostedOutboundSpamFilterRule')) {
            Invoke-PosternCmdlet -Name 'Remove-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters
        }
    }
}

function Enable-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Has a rule be looked at.
.PARAMETER Identity
The rule, by its name or Guid.
.EXAMPLE
Enable-HostedOutboundSpamFilterRule -Identity "Contoso Executives"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Enable-HostedOutboundSpamFilterRule')) {
            Invoke-PosternCmdlet -Name 'Enable-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters
        }
    }
}

function Disable-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Has a rule not be looked at.
.PARAMETER Identity
The rule, by its name or Guid.
.EXAMPLE
Disable-HostedOutboundSpamFilterRule -Identity "Contoso Executives"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Disable-HostedOutboundSpamFilterRule')) {
            Invoke-PosternCmdlet -Name 'Disable-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters
        }
    }
}

function Get-ProtectionAlert {
<#
.SYNOPSIS
Shows alert policies: who is told of what.
.PARAMETER Identity
Only this alert policy, by its name or Guid. An unknown one is an error; Exchange shows all.
.EXAMPLE
Get-ProtectionAlert
.EXAMPLE
Get-ProtectionAlert -Identity "User restricted from sending email"
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter(Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-ProtectionAlert' -Parameters $PSBoundParameters
    }
}

function New-ProtectionAlert {
<#
.SYNOPSIS
Makes an alert policy.
.PARAMETER Name
Its name.
.PARAMETER Category
Only ThreatManagement and MailFlow; all of Postern's alerts are ThreatManagement.
.PARAMETER NotifyUser
Who is told; TenantAdmins stands for every admin.
.PARAMETER ThreatType
Only Activity.
.PARAMETER Operation
What raises its alerts: the name of a built-in alert policy; by itself User restricted from sending email.
.PARAMETER AggregationType
Only None: Postern tells of each.
.PARAMETER Comment
What it is for.
.PARAMETER Description
The same.
.PARAMETER Disabled
Whether nobody is told.
.PARAMETER NotifyUserThrottleThreshold
Alerts mailed on one day at most; $null or 0: no limit.
.PARAMETER NotifyUserThrottleWindow
Only 1440 minutes: a day.
.PARAMETER Severity
How urgent its alerts are.
.EXAMPLE
New-ProtectionAlert -Name "Sales restricted" -Category ThreatManagement -ThreatType Activity -Operation "User restricted from sending email" -NotifyUser soc@contoso.com
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter(Mandatory = $true)]
        [ValidateSet('AccessGovernance', 'ComplianceManager', 'DataGovernance', 'MailFlow', 'Others', 'PrivacyManagement', 'Supervision', 'ThreatManagement')]
        [string]$Category,

        [Parameter(Mandatory = $true)]
        [object]$NotifyUser,

        [Parameter(Mandatory = $true)]
        [ValidateSet('Activity')]
        [string]$ThreatType,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$Operation,

        [Parameter()]
        [ValidateSet('None', 'SimpleAggregation', 'AnomalousAggregation')]
        [string]$AggregationType,

        [Parameter()]
        [ValidateLength(0, 256)]
        [string]$Comment,

        [Parameter()]
        [ValidateLength(0, 256)]
        [string]$Description,

        [Parameter()]
        [bool]$Disabled,

        [Parameter()]
        [ValidateRange(0, 100000)]
        [uint32]$NotifyUserThrottleThreshold,

        [Parameter()]
        [uint32]$NotifyUserThrottleWindow,

        [Parameter()]
        [ValidateSet('Low', 'Medium', 'High', 'Informational')]
        [string]$Severity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Name, 'New-ProtectionAlert')) {
            Invoke-PosternCmdlet -Name 'New-ProtectionAlert' -Parameters $PSBoundParameters
        }
    }
}

function Set-ProtectionAlert {
<#
.SYNOPSIS
Changes an alert policy, built-in ones too.
.PARAMETER Identity
The alert policy, by its name or Guid.
.PARAMETER Category
Only ThreatManagement and MailFlow; all of Postern's alerts are ThreatManagement.
.PARAMETER NotifyUser
Who is told; TenantAdmins stands for every admin.
.PARAMETER AggregationType
Only None: Postern tells of each.
.PARAMETER Comment
What it is for.
.PARAMETER Description
The same.
.PARAMETER Disabled
Whether nobody is told.
.PARAMETER NotifyUserThrottleThreshold
Alerts mailed on one day at most; $null or 0: no limit.
.PARAMETER NotifyUserThrottleWindow
Only 1440 minutes: a day.
.PARAMETER Severity
How urgent its alerts are.
.EXAMPLE
Set-ProtectionAlert -Identity "User restricted from sending email" -NotifyUser TenantAdmins,soc@contoso.com
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter()]
        [ValidateSet('AccessGovernance', 'ComplianceManager', 'DataGovernance', 'MailFlow', 'Others', 'PrivacyManagement', 'Supervision', 'ThreatManagement')]
        [string]$Category,

        [Parameter()]
        [AllowEmptyCollection()]
        [AllowNull()]
        [object]$NotifyUser,

        [Parameter()]
        [ValidateSet('None', 'SimpleAggregation', 'AnomalousAggregation')]
        [string]$AggregationType,

        [Parameter()]
        [ValidateLength(0, 256)]
        [string]$Comment,

        [Parameter()]
        [ValidateLength(0, 256)]
        [string]$Description,

        [Parameter()]
        [bool]$Disabled,

        [Parameter()]
        [ValidateRange(0, 100000)]
        [uint32]$NotifyUserThrottleThreshold,

        [Parameter()]
        [uint32]$NotifyUserThrottleWindow,

        [Parameter()]
        [ValidateSet('Low', 'Medium', 'High', 'Informational')]
        [string]$Severity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Set-ProtectionAlert')) {
            Invoke-PosternCmdlet -Name 'Set-ProtectionAlert' -Parameters $PSBoundParameters
        }
    }
}

function Remove-ProtectionAlert {
<#
.SYNOPSIS
Removes an alert policy of one's own.
.PARAMETER Identity
The alert policy, by its name or Guid.
.EXAMPLE
Remove-ProtectionAlert -Identity "Sales restricted"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Remove-ProtectionAlert')) {
            Invoke-PosternCmdlet -Name 'Remove-ProtectionAlert' -Parameters $PSBoundParameters
        }
    }
}

function Get-PosternUsage {
<#
.SYNOPSIS
Shows how full each window of an account or connector is.
.PARAMETER Identity
An account, or connector:NAME.
.EXAMPLE
Get-PosternUsage -Identity laura@contoso.com
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-PosternUsage' -Parameters $PSBoundParameters
    }
}

function Get-PosternExplanation {
<#
.SYNOPSIS
Explains a reference id from a refusal, or which policy holds for an account and why.
.PARAMETER Identity
A reference id, an account, or connector:NAME.
.EXAMPLE
Get-PosternExplanation -Identity PR-7K3F-9QXD
.EXAMPLE
Get-PosternExplanation -Identity laura@contoso.com
#>
    [CmdletBinding(PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        Invoke-PosternCmdlet -Name 'Get-PosternExplanation' -Parameters $PSBoundParameters
    }
}

function Add-PosternAllowance {
<#
.SYNOPSIS
Lets one account send more until a time.
.PARAMETER Identity
An account, or connector:NAME.
.PARAMETER RecipientLimitPerDay
Recipients per day, and per hour as many.
.PARAMETER Hours
For how long.
.PARAMETER Reason
Why; stands in the audit trail.
.EXAMPLE
Add-PosternAllowance -Identity news@contoso.com -RecipientLimitPerDay 20000 -Hours 24 -Reason "The yearly invitation"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter(Mandatory = $true)]
        [ValidateRange(0, 1000000)]
        [uint32]$RecipientLimitPerDay,

        [Parameter(Mandatory = $true)]
        [ValidateRange(0, 8760)]
        [uint32]$Hours,

        [Parameter(Mandatory = $true)]
        [ValidateLength(0, 1024)]
        [string]$Reason
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Add-PosternAllowance')) {
            Invoke-PosternCmdlet -Name 'Add-PosternAllowance' -Parameters $PSBoundParameters
        }
    }
}

function Block-PosternSender {
<#
.SYNOPSIS
Restricts an account or connector from sending mail.
.PARAMETER Identity
An account, or connector:NAME.
.PARAMETER Reason
Why; stands in the audit trail.
.PARAMETER Hours
For how long; by itself until somebody releases it.
.EXAMPLE
Block-PosternSender -Identity laura@contoso.com -Reason "Phished password"
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false)]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$Identity,

        [Parameter(Mandatory = $true)]
        [ValidateLength(0, 1024)]
        [string]$Reason,

        [Parameter()]
        [ValidateRange(0, 8760)]
        [uint32]$Hours
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($PSCmdlet.ShouldProcess($Identity, 'Block-PosternSender')) {
            Invoke-PosternCmdlet -Name 'Block-PosternSender' -Parameters $PSBoundParameters
        }
    }
}

# Made from integrations/cmdlets.toml by `make cmdlets`; change it there.

# What the Tab key offers.
$script:Completions = @{
    'Get-BlockedSenderAddress -SenderAddress' = 'blocked-senders'
    'Remove-BlockedSenderAddress -SenderAddress' = 'blocked-senders'
    'Get-BlockedConnector -ConnectorId' = 'blocked-connectors'
    'Remove-BlockedConnector -ConnectorId' = 'blocked-connectors'
    'Get-HostedOutboundSpamFilterPolicy -Identity' = 'policies'
    'Set-HostedOutboundSpamFilterPolicy -Identity' = 'policies'
    'Get-HostedOutboundSpamFilterRule -Identity' = 'rules'
    'New-HostedOutboundSpamFilterRule -HostedOutboundSpamFilterPolicy' = 'policies'
    'New-HostedOutboundSpamFilterRule -From' = 'senders'
    'New-HostedOutboundSpamFilterRule -ExceptIfFrom' = 'senders'
    'Set-HostedOutboundSpamFilterRule -Identity' = 'rules'
    'Set-HostedOutboundSpamFilterRule -HostedOutboundSpamFilterPolicy' = 'policies'
    'Set-HostedOutboundSpamFilterRule -From' = 'senders'
    'Set-HostedOutboundSpamFilterRule -ExceptIfFrom' = 'senders'
    'Disable-HostedOutboundSpamFilterRule -Identity' = 'rules'
    'Enable-HostedOutboundSpamFilterRule -Identity' = 'rules'
    'Remove-HostedOutboundSpamFilterRule -Identity' = 'rules'
    'Remove-HostedOutboundSpamFilterPolicy -Identity' = 'policies'
    'Get-ProtectionAlert -Identity' = 'alerts'
    'Set-ProtectionAlert -Identity' = 'alerts'
    'Remove-ProtectionAlert -Identity' = 'alerts'
    'Get-PosternUsage -Identity' = 'senders'
    'Get-PosternExplanation -Identity' = 'senders'
    'Add-PosternAllowance -Identity' = 'senders'
    'Block-PosternSender -Identity' = 'senders'
}

function Get-BlockedSenderAddress {
<#
.SYNOPSIS
Lists accounts that are restricted from sending mail.
.DESCRIPTION
Each account that is restricted now, with the time and the reason. The reason has the keys that Exchange Online's has, and after them the policy, the limit, the count and a reference that Get-PosternExplanation explains. Accounts whose restriction has ended are not listed.
.PARAMETER SenderAddress
Show only this account. If it is not restricted, the cmdlet returns an error.
.EXAMPLE
Get-BlockedSenderAddress

Lists every restricted account.
.EXAMPLE
Get-BlockedSenderAddress -SenderAddress laura@contoso.com | Format-List

Shows one account with the full reason.
.INPUTS
System.String, or an object with one of these properties: SenderAddress, Identity, Entity.
.OUTPUTS
Postern.BlockedSenderAddress
.NOTES
Needs any role. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#get-blockedsenderaddress
.LINK
Remove-BlockedSenderAddress
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-blockedsenderaddress')]
    [OutputType('Postern.BlockedSenderAddress')]
    param(
        [Parameter(ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Identity', 'Entity')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('SenderAddress,Identity,Entity')]
        [string]$SenderAddress
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-BlockedSenderAddress' -Parameters $PSBoundParameters -Subject 'SenderAddress') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-BlockedSenderAddress' -Parameters $PSBoundParameters -Subject 'SenderAddress' -Type 'Postern.BlockedSenderAddress'
        }
    }
}

function Remove-BlockedSenderAddress {
<#
.SYNOPSIS
Lets a restricted account send mail again.
.DESCRIPTION
The release takes effect with the account's next message. You can release an account as often as you like; Exchange Online takes up to 24 hours and limits the number of releases. The account is on probation for a time, with lower limits.
.PARAMETER SenderAddress
The account to release.
.PARAMETER Reason
Why the account may send again; this is written to the audit trail. The Reason that Get-BlockedSenderAddress shows is accepted too, as in Exchange's documentation, but is not written there: Postern knows the reason for the block.
.EXAMPLE
Remove-BlockedSenderAddress -SenderAddress julia@contoso.com

Lets one account send mail again.
.EXAMPLE
Get-BlockedSenderAddress | Remove-BlockedSenderAddress -Reason 'Passwords reset' -WhatIf

Shows which accounts would be released, without releasing them.
.INPUTS
System.String, or an object with one of these properties: SenderAddress, Identity, Entity.
.OUTPUTS
None.
.NOTES
Secure the account first: reset the password, revoke sessions and app passwords, look for forwarding rules.
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#remove-blockedsenderaddress
.LINK
Get-BlockedSenderAddress
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#remove-blockedsenderaddress')]
    param(
        [Parameter(Mandatory = $true, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Identity', 'Entity')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('SenderAddress,Identity,Entity')]
        [string]$SenderAddress,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 1024)]
        [string]$Reason
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Let {0} send again' -f $SenderAddress
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Remove-BlockedSenderAddress' -Parameters $PSBoundParameters -Subject 'SenderAddress' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Remove-BlockedSenderAddress' -Parameters $PSBoundParameters -Subject 'SenderAddress'
        }
    }
}

function Get-BlockedConnector {
<#
.SYNOPSIS
Lists connectors that are restricted from sending mail.
.DESCRIPTION
A connector is a host that may relay without a login. It is counted and restricted like an account.
.PARAMETER ConnectorId
Show only the connector with this ID or name. If it is not restricted, the cmdlet returns an error.
.EXAMPLE
Get-BlockedConnector

Lists every restricted connector.
.EXAMPLE
Get-BlockedConnector -ConnectorId crm | Format-List

Shows one connector with its ID and the full reason.
.INPUTS
System.String, or an object with one of these properties: ConnectorId, Identity, ConnectorName.
.OUTPUTS
Postern.BlockedConnector
.NOTES
Needs any role. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#get-blockedconnector
.LINK
Remove-BlockedConnector
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-blockedconnector')]
    [OutputType('Postern.BlockedConnector')]
    param(
        [Parameter(ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Identity', 'ConnectorName')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('ConnectorId,Identity,ConnectorName')]
        [string]$ConnectorId
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-BlockedConnector' -Parameters $PSBoundParameters -Subject 'ConnectorId') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-BlockedConnector' -Parameters $PSBoundParameters -Subject 'ConnectorId' -Type 'Postern.BlockedConnector'
        }
    }
}

function Remove-BlockedConnector {
<#
.SYNOPSIS
Lets a restricted connector send mail again.
.DESCRIPTION
The release is in force with the connector's next message.
.PARAMETER ConnectorId
The ID or name of the connector to release.
.PARAMETER Reason
Why the connector may send again; this is written to the audit trail.
.EXAMPLE
Remove-BlockedConnector -ConnectorId crm -Reason 'The form is repaired'

Lets one connector send mail again.
.INPUTS
System.String, or an object with one of these properties: ConnectorId, Identity, ConnectorName.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#remove-blockedconnector
.LINK
Get-BlockedConnector
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#remove-blockedconnector')]
    param(
        [Parameter(Mandatory = $true, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Identity', 'ConnectorName')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('ConnectorId,Identity,ConnectorName')]
        [string]$ConnectorId,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 1024)]
        [string]$Reason
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Let connector {0} send again' -f $ConnectorId
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Remove-BlockedConnector' -Parameters $PSBoundParameters -Subject 'ConnectorId' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Remove-BlockedConnector' -Parameters $PSBoundParameters -Subject 'ConnectorId'
        }
    }
}

function Get-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Shows outbound policies: limits, action and notifications.
.DESCRIPTION
Policies come in the order in which they are evaluated, the default policy last. A limit of 0 stands for the built-in default: 500 external and 1,000 internal recipients an hour, 1,000 recipients a day.
.PARAMETER Identity
Show only the policy with this name or GUID.
.EXAMPLE
Get-HostedOutboundSpamFilterPolicy

Lists every policy.
.EXAMPLE
Get-HostedOutboundSpamFilterPolicy -Identity Default | Format-List

Shows every setting of the default policy.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
Postern.HostedOutboundSpamFilterPolicy
.NOTES
Needs any role. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#get-hostedoutboundspamfilterpolicy
.LINK
New-HostedOutboundSpamFilterPolicy
.LINK
Set-HostedOutboundSpamFilterPolicy
.LINK
Remove-HostedOutboundSpamFilterPolicy
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-hostedoutboundspamfilterpolicy')]
    [OutputType('Postern.HostedOutboundSpamFilterPolicy')]
    param(
        [Parameter(Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Identity') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.HostedOutboundSpamFilterPolicy'
        }
    }
}

function New-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Adds an outbound policy. It applies to nobody until it has a rule.
.DESCRIPTION
Add the policy first, then the rule that says to whom it applies, as in Exchange Online: New-HostedOutboundSpamFilterRule.
.PARAMETER Name
The policy's name.
.PARAMETER ActionWhenThresholdReached
What happens when a limit is exceeded. Defer exists only in Postern: mail over the limit is deferred until it fits within the limit again.
.PARAMETER AdminDisplayName
A description of the policy.
.PARAMETER AutoForwardingMode
Only Automatic is accepted: Postern sees which mail leaves, not which rule forwarded it. Turn off automatic forwarding in the mail server.
.PARAMETER BccSuspiciousOutboundAdditionalRecipients
The addresses that receive copies of suspicious mail. For more than one address, Postfix needs an alias, which 'postern wiring postfix' prints.
.PARAMETER BccSuspiciousOutboundMail
Whether copies of suspicious mail are sent.
.PARAMETER NotifyOutboundSpam
Whether other people are notified when a sender is restricted, in addition to the alert policy's recipients.
.PARAMETER NotifyOutboundSpamRecipients
The addresses to notify.
.PARAMETER RecipientLimitExternalPerHour
External recipients per hour; 0 means the built-in default, 500.
.PARAMETER RecipientLimitInternalPerHour
Internal recipients per hour; 0 means the built-in default, 1,000.
.PARAMETER RecipientLimitPerDay
Recipients per day; 0 means the built-in default, 1,000 (10,000 in Exchange Online).
.PARAMETER RecommendedPolicyType
Start with the values that Microsoft recommends.
.EXAMPLE
New-HostedOutboundSpamFilterPolicy -Name 'Contoso Executives' -RecipientLimitExternalPerHour 400 -RecipientLimitInternalPerHour 800 -RecipientLimitPerDay 800 -ActionWhenThresholdReached BlockUser

Adds a policy with limits below the built-in defaults.
.EXAMPLE
New-HostedOutboundSpamFilterPolicy 'Marketing Department' -RecommendedPolicyType Strict

Adds a policy with the values of Microsoft's strict recommendation.
.INPUTS
None by value; parameters are taken by property name.
.OUTPUTS
Postern.HostedOutboundSpamFilterPolicy
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#new-hostedoutboundspamfilterpolicy
.LINK
Get-HostedOutboundSpamFilterPolicy
.LINK
Set-HostedOutboundSpamFilterPolicy
.LINK
Remove-HostedOutboundSpamFilterPolicy
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#new-hostedoutboundspamfilterpolicy')]
    [OutputType('Postern.HostedOutboundSpamFilterPolicy')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('Alert', 'BlockUserForToday', 'BlockUser', 'Defer')]
        [string]$ActionWhenThresholdReached,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
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

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitExternalPerHour,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitInternalPerHour,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateRange(0, 10000)]
        [uint32]$RecipientLimitPerDay,

        [Parameter()]
        [ValidateSet('Standard', 'Strict')]
        [string]$RecommendedPolicyType
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Add outbound policy {0}' -f $Name
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'New-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Name' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'New-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Name' -Type 'Postern.HostedOutboundSpamFilterPolicy'
        }
    }
}

function Set-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Changes an outbound policy.
.DESCRIPTION
Settings that are not named stay as they are. The change is in force with the next message. A sender who is restricted already stays restricted.
.PARAMETER Identity
The name or GUID of the policy.
.PARAMETER ActionWhenThresholdReached
What happens when a limit is exceeded. Defer exists only in Postern: mail over the limit is deferred until it fits within the limit again.
.PARAMETER AdminDisplayName
A description of the policy.
.PARAMETER AutoForwardingMode
Only Automatic is accepted: Postern sees which mail leaves, not which rule forwarded it. Turn off automatic forwarding in the mail server.
.PARAMETER BccSuspiciousOutboundAdditionalRecipients
The addresses that receive copies of suspicious mail. For more than one address, Postfix needs an alias, which 'postern wiring postfix' prints.
.PARAMETER BccSuspiciousOutboundMail
Whether copies of suspicious mail are sent.
.PARAMETER NotifyOutboundSpam
Whether other people are notified when a sender is restricted, in addition to the alert policy's recipients.
.PARAMETER NotifyOutboundSpamRecipients
The addresses to notify.
.PARAMETER RecipientLimitExternalPerHour
External recipients per hour; 0 means the built-in default, 500.
.PARAMETER RecipientLimitInternalPerHour
Internal recipients per hour; 0 means the built-in default, 1,000.
.PARAMETER RecipientLimitPerDay
Recipients per day; 0 means the built-in default, 1,000 (10,000 in Exchange Online).
.EXAMPLE
Set-HostedOutboundSpamFilterPolicy -Identity Default -RecipientLimitExternalPerHour 500 -RecipientLimitInternalPerHour 1000 -RecipientLimitPerDay 1000 -ActionWhenThresholdReached BlockUser

Sets the limits and the action of the default policy.
.EXAMPLE
Get-HostedOutboundSpamFilterPolicy | Set-HostedOutboundSpamFilterPolicy -NotifyOutboundSpam $true -NotifyOutboundSpamRecipients soc@contoso.com

Makes every policy notify soc@contoso.com, in addition to the alert policy's recipients.
.INPUTS
System.String, or an object with one of these properties: Identity.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#set-hostedoutboundspamfilterpolicy
.LINK
Get-HostedOutboundSpamFilterPolicy
.LINK
New-HostedOutboundSpamFilterPolicy
.LINK
Remove-HostedOutboundSpamFilterPolicy
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#set-hostedoutboundspamfilterpolicy')]
    param(
        [Parameter(Mandatory = $true, Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity')]
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
        $does = 'Change outbound policy {0}' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Set-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Set-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Get-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Shows to whom outbound policies apply, and in which order.
.DESCRIPTION
Policy and rule are one object in Postern: the rule is the part that says to whom the policy applies. Priority 0 is evaluated first; the first rule that matches decides.
.PARAMETER Identity
Show only the rule with this name or GUID.
.PARAMETER State
Show only rules in this state.
.EXAMPLE
Get-HostedOutboundSpamFilterRule

Lists every rule.
.EXAMPLE
Get-HostedOutboundSpamFilterRule -State Enabled

Lists the rules that are evaluated.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
Postern.HostedOutboundSpamFilterRule
.NOTES
Needs any role. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#get-hostedoutboundspamfilterrule
.LINK
New-HostedOutboundSpamFilterRule
.LINK
Set-HostedOutboundSpamFilterRule
.LINK
Disable-HostedOutboundSpamFilterRule
.LINK
Enable-HostedOutboundSpamFilterRule
.LINK
Remove-HostedOutboundSpamFilterRule
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-hostedoutboundspamfilterrule')]
    [OutputType('Postern.HostedOutboundSpamFilterRule')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity,

        [Parameter()]
        [ValidateSet('Enabled', 'Disabled')]
        [string]$State
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.HostedOutboundSpamFilterRule'
        }
    }
}

function New-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Says to whom an outbound policy applies.
.DESCRIPTION
Different conditions must all match; the values of one condition are alternatives. An exception that matches is enough to leave the policy out. From names accounts by their login: policies go by the login here, by the From header in Exchange Online.
.PARAMETER Name
The rule's name.
.PARAMETER HostedOutboundSpamFilterPolicy
The policy that the rule applies: not the default policy, nor one that already has a rule.
.PARAMETER Comments
A description of the rule.
.PARAMETER Enabled
Whether the rule is evaluated. The default is $true.
.PARAMETER From
Applies to these accounts.
.PARAMETER FromMemberOf
Applies to members of these groups.
.PARAMETER SenderDomainIs
Applies to accounts of these domains.
.PARAMETER ExceptIfFrom
Does not apply to these accounts.
.PARAMETER ExceptIfFromMemberOf
Does not apply to members of these groups.
.PARAMETER ExceptIfSenderDomainIs
Does not apply to accounts of these domains.
.PARAMETER Priority
The rule's place in the order: 0 is evaluated first. A new rule without a priority is evaluated last.
.EXAMPLE
New-HostedOutboundSpamFilterRule -Name 'Contoso Executives' -HostedOutboundSpamFilterPolicy 'Contoso Executives' -FromMemberOf 'Contoso Executives Group'

Applies a policy to the members of a group.
.EXAMPLE
New-HostedOutboundSpamFilterRule 'Marketing Department' -HostedOutboundSpamFilterPolicy 'Marketing Department' -From news@contoso.com,events@contoso.com

Applies a policy to two accounts.
.INPUTS
None by value; parameters are taken by property name.
.OUTPUTS
Postern.HostedOutboundSpamFilterRule
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#new-hostedoutboundspamfilterrule
.LINK
Get-HostedOutboundSpamFilterRule
.LINK
Set-HostedOutboundSpamFilterRule
.LINK
Disable-HostedOutboundSpamFilterRule
.LINK
Enable-HostedOutboundSpamFilterRule
.LINK
Remove-HostedOutboundSpamFilterRule
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#new-hostedoutboundspamfilterrule')]
    [OutputType('Postern.HostedOutboundSpamFilterRule')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [string]$HostedOutboundSpamFilterPolicy,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
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
        $does = 'Apply outbound policy {1} by rule {0}' -f $Name, $HostedOutboundSpamFilterPolicy
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'New-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Name' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'New-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Name' -Type 'Postern.HostedOutboundSpamFilterRule'
        }
    }
}

function Set-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Changes to whom an outbound policy applies, or its place in the order.
.DESCRIPTION
A list replaces the one that is there; @{Add = ...; Remove = ...} changes it.
.PARAMETER Identity
The name or GUID of the rule.
.PARAMETER Name
The rule's name.
.PARAMETER HostedOutboundSpamFilterPolicy
The policy that the rule applies: not the default policy, nor one that already has a rule.
.PARAMETER Comments
A description of the rule.
.PARAMETER From
Applies to these accounts.
.PARAMETER FromMemberOf
Applies to members of these groups.
.PARAMETER SenderDomainIs
Applies to accounts of these domains.
.PARAMETER ExceptIfFrom
Does not apply to these accounts.
.PARAMETER ExceptIfFromMemberOf
Does not apply to members of these groups.
.PARAMETER ExceptIfSenderDomainIs
Does not apply to accounts of these domains.
.PARAMETER Priority
The rule's place in the order: 0 is evaluated first. A new rule without a priority is evaluated last.
.EXAMPLE
Set-HostedOutboundSpamFilterRule -Identity 'Marketing Department' -Priority 0

Makes a rule the first to be evaluated.
.EXAMPLE
Set-HostedOutboundSpamFilterRule 'Marketing Department' -From @{Add = 'fair@contoso.com'; Remove = 'events@contoso.com'}

Adds one account to the rule and removes another.
.INPUTS
System.String, or an object with one of these properties: Identity.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#set-hostedoutboundspamfilterrule
.LINK
Get-HostedOutboundSpamFilterRule
.LINK
New-HostedOutboundSpamFilterRule
.LINK
Disable-HostedOutboundSpamFilterRule
.LINK
Enable-HostedOutboundSpamFilterRule
.LINK
Remove-HostedOutboundSpamFilterRule
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#set-hostedoutboundspamfilterrule')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity')]
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
        $does = 'Change rule {0}' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Set-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Set-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Disable-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Disables a rule: it is no longer evaluated.
.DESCRIPTION
The policy and its conditions stay as they are. Enable-HostedOutboundSpamFilterRule enables it again.
.PARAMETER Identity
The name or GUID of the rule.
.EXAMPLE
Disable-HostedOutboundSpamFilterRule -Identity 'Contoso Executives'

Disables one rule.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#disable-hostedoutboundspamfilterrule
.LINK
Get-HostedOutboundSpamFilterRule
.LINK
New-HostedOutboundSpamFilterRule
.LINK
Set-HostedOutboundSpamFilterRule
.LINK
Enable-HostedOutboundSpamFilterRule
.LINK
Remove-HostedOutboundSpamFilterRule
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#disable-hostedoutboundspamfilterrule')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Disable rule {0}' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Disable-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Disable-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Enable-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Enables a rule: it is evaluated again.
.DESCRIPTION
Rules are evaluated in the order of their priority; the first that matches decides.
.PARAMETER Identity
The name or GUID of the rule.
.EXAMPLE
Get-HostedOutboundSpamFilterRule -State Disabled | Enable-HostedOutboundSpamFilterRule

Enables every disabled rule.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#enable-hostedoutboundspamfilterrule
.LINK
Get-HostedOutboundSpamFilterRule
.LINK
New-HostedOutboundSpamFilterRule
.LINK
Set-HostedOutboundSpamFilterRule
.LINK
Disable-HostedOutboundSpamFilterRule
.LINK
Remove-HostedOutboundSpamFilterRule
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#enable-hostedoutboundspamfilterrule')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Enable rule {0}' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Enable-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Enable-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Remove-HostedOutboundSpamFilterRule {
<#
.SYNOPSIS
Removes the rule of an outbound policy, which then applies to nobody.
.DESCRIPTION
The policy's limits and notifications stay; a new rule applies it again.
.PARAMETER Identity
The name or GUID of the rule.
.EXAMPLE
Remove-HostedOutboundSpamFilterRule -Identity 'Contoso Executives' -Confirm:$false

Removes one rule without asking for confirmation.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#remove-hostedoutboundspamfilterrule
.LINK
Get-HostedOutboundSpamFilterRule
.LINK
New-HostedOutboundSpamFilterRule
.LINK
Set-HostedOutboundSpamFilterRule
.LINK
Disable-HostedOutboundSpamFilterRule
.LINK
Enable-HostedOutboundSpamFilterRule
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#remove-hostedoutboundspamfilterrule')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Remove rule {0}, after which its policy applies to nobody' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Remove-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Remove-HostedOutboundSpamFilterRule' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Remove-HostedOutboundSpamFilterPolicy {
<#
.SYNOPSIS
Removes an outbound policy and its rule.
.DESCRIPTION
Exchange Online leaves the rule behind; here both go, and a warning says so. The default policy can't be removed.
.PARAMETER Identity
The name or GUID of the policy.
.PARAMETER Force
Do not ask for confirmation.
.EXAMPLE
Remove-HostedOutboundSpamFilterPolicy -Identity 'Contoso Executives' -Force

Removes one policy without asking for confirmation.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#remove-hostedoutboundspamfilterpolicy
.LINK
Get-HostedOutboundSpamFilterPolicy
.LINK
New-HostedOutboundSpamFilterPolicy
.LINK
Set-HostedOutboundSpamFilterPolicy
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#remove-hostedoutboundspamfilterpolicy')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity,

        [Parameter()]
        [switch]$Force
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }
        $does = 'Remove outbound policy {0} and its rule' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Remove-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Remove-HostedOutboundSpamFilterPolicy' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Get-ProtectionAlert {
<#
.SYNOPSIS
Shows alert policies: who is notified of what.
.DESCRIPTION
Built-in alert policies and your own. An unknown or empty identity is an error; Exchange Online shows every alert policy for it.
.PARAMETER Identity
Show only the alert policy with this name or GUID.
.EXAMPLE
Get-ProtectionAlert

Lists every alert policy.
.EXAMPLE
Get-ProtectionAlert -Identity 'User restricted from sending email' | Format-List

Shows one alert policy in full.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
Postern.ProtectionAlert
.NOTES
Needs any role. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#get-protectionalert
.LINK
New-ProtectionAlert
.LINK
Set-ProtectionAlert
.LINK
Remove-ProtectionAlert
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-protectionalert')]
    [OutputType('Postern.ProtectionAlert')]
    param(
        [Parameter(Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Identity') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.ProtectionAlert'
        }
    }
}

function New-ProtectionAlert {
<#
.SYNOPSIS
Adds an alert policy.
.DESCRIPTION
An alert policy of your own notifies other people of what a built-in one covers. Postern notifies of each alert, up to a daily limit; it has no aggregation, thresholds or filters.
.PARAMETER Name
The alert policy's name.
.PARAMETER Category
Only ThreatManagement and MailFlow are accepted; all of Postern's alerts are in ThreatManagement.
.PARAMETER NotifyUser
The addresses to notify; TenantAdmins stands for every admin.
.PARAMETER ThreatType
Only Activity is accepted.
.PARAMETER Operation
What raises the alerts: the name of a built-in alert policy. The default is 'User restricted from sending email'.
.PARAMETER AggregationType
Only None is accepted: Postern sends a notification about every alert.
.PARAMETER Comment
A description of the alert policy.
.PARAMETER Description
The same as Comment, which is used if both are given.
.PARAMETER Disabled
Whether the alert policy is turned off, so that nobody is notified.
.PARAMETER NotifyUserThrottleThreshold
The maximum number of alerts mailed per day; $null or 0 means no limit.
.PARAMETER NotifyUserThrottleWindow
Only 1440 is accepted: one day, in minutes.
.PARAMETER Severity
How urgent the alerts are.
.EXAMPLE
New-ProtectionAlert -Name 'Sales restricted' -Category ThreatManagement -ThreatType Activity -Operation 'User restricted from sending email' -NotifyUser soc@contoso.com

Notifies one more address when a user is restricted.
.INPUTS
None by value; parameters are taken by property name.
.OUTPUTS
Postern.ProtectionAlert
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#new-protectionalert
.LINK
Get-ProtectionAlert
.LINK
Set-ProtectionAlert
.LINK
Remove-ProtectionAlert
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#new-protectionalert')]
    [OutputType('Postern.ProtectionAlert')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 64)]
        [string]$Name,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('AccessGovernance', 'ComplianceManager', 'DataGovernance', 'MailFlow', 'Others', 'PrivacyManagement', 'Supervision', 'ThreatManagement')]
        [string]$Category,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [object]$NotifyUser,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateSet('Activity')]
        [string]$ThreatType,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
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
        $does = 'Add alert policy {0}' -f $Name
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'New-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Name' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'New-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Name' -Type 'Postern.ProtectionAlert'
        }
    }
}

function Set-ProtectionAlert {
<#
.SYNOPSIS
Changes an alert policy, built-in ones too.
.DESCRIPTION
Settings that are not named stay as they are. Exchange Online edits built-in alert policies in its portal only.
.PARAMETER Identity
The name or GUID of the alert policy.
.PARAMETER Category
Only ThreatManagement and MailFlow are accepted; all of Postern's alerts are in ThreatManagement.
.PARAMETER NotifyUser
The addresses to notify; TenantAdmins stands for every admin.
.PARAMETER AggregationType
Only None is accepted: Postern sends a notification about every alert.
.PARAMETER Comment
A description of the alert policy.
.PARAMETER Description
The same as Comment, which is used if both are given.
.PARAMETER Disabled
Whether the alert policy is turned off, so that nobody is notified.
.PARAMETER NotifyUserThrottleThreshold
The maximum number of alerts mailed per day; $null or 0 means no limit.
.PARAMETER NotifyUserThrottleWindow
Only 1440 is accepted: one day, in minutes.
.PARAMETER Severity
How urgent the alerts are.
.EXAMPLE
Set-ProtectionAlert -Identity 'User restricted from sending email' -NotifyUser TenantAdmins,soc@contoso.com

Notifies every admin and one more address.
.EXAMPLE
Get-ProtectionAlert 'Sales restricted' | Set-ProtectionAlert -NotifyUserThrottleThreshold 10

Mails at most 10 of its alerts per day.
.INPUTS
System.String, or an object with one of these properties: Identity.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#set-protectionalert
.LINK
Get-ProtectionAlert
.LINK
New-ProtectionAlert
.LINK
Remove-ProtectionAlert
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#set-protectionalert')]
    param(
        [Parameter(Mandatory = $true, Position = 1, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity')]
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
        $does = 'Change alert policy {0}' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Set-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Set-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Remove-ProtectionAlert {
<#
.SYNOPSIS
Removes an alert policy of your own.
.DESCRIPTION
Built-in alert policies can't be removed; Set-ProtectionAlert -Disabled $true silences one.
.PARAMETER Identity
The name or GUID of the alert policy.
.EXAMPLE
Remove-ProtectionAlert -Identity 'Sales restricted' -Confirm:$false

Removes one alert policy without asking for confirmation.
.INPUTS
System.String, or an object with one of these properties: Identity, Name.
.OUTPUTS
None.
.NOTES
Needs the role organization-management or security-administrator. Named as in Exchange Online.
.LINK
https://postern.example/docs/cmdlets.md#remove-protectionalert
.LINK
Get-ProtectionAlert
.LINK
New-ProtectionAlert
.LINK
Set-ProtectionAlert
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'High', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#remove-protectionalert')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Name')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Name')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Remove alert policy {0}' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Remove-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Remove-ProtectionAlert' -Parameters $PSBoundParameters -Subject 'Identity'
        }
    }
}

function Get-PosternSender {
<#
.SYNOPSIS
Finds accounts and connectors by a part of their name.
.DESCRIPTION
Accounts of the directory, accounts that have sent mail, and connectors. The other cmdlets take what it finds from the pipeline.
.PARAMETER Anr
Part of the address or of the person's name. If omitted, every known sender matches.
.PARAMETER ResultSize
The maximum number of senders to show. The default is 1,000.
.EXAMPLE
Get-PosternSender laura

Finds senders with 'laura' in their address or name.
.EXAMPLE
Get-PosternSender -ResultSize 5 | Get-PosternUsage

Shows the usage of the first five senders.
.INPUTS
System.String, or an object with one of these properties: Anr.
.OUTPUTS
Postern.PosternSender
.NOTES
Needs any role. Postern's own; Exchange Online has no such cmdlet.
.LINK
https://postern.example/docs/cmdlets.md#get-posternsender
.LINK
Block-PosternSender
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-posternsender')]
    [OutputType('Postern.PosternSender')]
    param(
        [Parameter(Position = 0, ValueFromPipeline = $true)]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Anr')]
        [string]$Anr,

        [Parameter()]
        [ValidateRange(0, 10000)]
        [uint32]$ResultSize
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-PosternSender' -Parameters $PSBoundParameters -Subject 'Identity') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-PosternSender' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.PosternSender'
        }
    }
}

function Get-PosternUsage {
<#
.SYNOPSIS
Shows how much of each limit an account or connector has used.
.DESCRIPTION
One object for each limit: the count, the limit, and when room is free again. Windows slide: the last 60 minutes, the last 24 hours.
.PARAMETER Identity
An account, or connector:NAME.
.EXAMPLE
Get-PosternUsage -Identity laura@contoso.com

Shows the usage of one account.
.EXAMPLE
Get-BlockedSenderAddress | Get-PosternUsage | Where-Object Window -eq per_day

Shows how many recipients each restricted account has sent to in the last 24 hours.
.INPUTS
System.String, or an object with one of these properties: Identity, Entity, SenderAddress.
.OUTPUTS
Postern.PosternUsage
.NOTES
Needs any role. Postern's own; Exchange Online has no such cmdlet.
.LINK
https://postern.example/docs/cmdlets.md#get-posternusage
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-posternusage')]
    [OutputType('Postern.PosternUsage')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Entity', 'SenderAddress')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Entity,SenderAddress')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-PosternUsage' -Parameters $PSBoundParameters -Subject 'Identity') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-PosternUsage' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.PosternUsage'
        }
    }
}

function Get-PosternExplanation {
<#
.SYNOPSIS
Explains the reference in a refusal, or which policy applies to an account and why.
.DESCRIPTION
For a reference: the restriction or alert behind it. For an account: the policy that applies, and why each policy before it does not.
.PARAMETER Identity
A reference such as PR-7K3F-9QXD, an account, or connector:NAME.
.EXAMPLE
Get-PosternExplanation -Identity laura@contoso.com

Shows which policy applies to an account, and why.
.EXAMPLE
Get-BlockedSenderAddress | Get-PosternExplanation

Shows which policy applies to each restricted account, and why.
.INPUTS
System.String, or an object with one of these properties: Identity, Entity, SenderAddress.
.OUTPUTS
Postern.PosternExplanation
.NOTES
Needs any role. Postern's own; Exchange Online has no such cmdlet.
.LINK
https://postern.example/docs/cmdlets.md#get-posternexplanation
.LINK
about_Postern
#>
    [CmdletBinding(PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#get-posternexplanation')]
    [OutputType('Postern.PosternExplanation')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Entity', 'SenderAddress')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Entity,SenderAddress')]
        [string]$Identity
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Get-PosternExplanation' -Parameters $PSBoundParameters -Subject 'Identity') {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Get-PosternExplanation' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.PosternExplanation'
        }
    }
}

function Add-PosternAllowance {
<#
.SYNOPSIS
Lets one account send more for a time.
.DESCRIPTION
For a newsletter or an invitation: the limits are higher for this account until the time is over. An allowance that is in force is replaced.
.PARAMETER Identity
An account, or connector:NAME.
.PARAMETER RecipientLimitPerDay
Recipients per day. The hourly limits are raised to the same number.
.PARAMETER Hours
How long the allowance lasts, in hours.
.PARAMETER Reason
The reason, which is written to the audit trail.
.EXAMPLE
Add-PosternAllowance -Identity news@contoso.com -RecipientLimitPerDay 20000 -Hours 24 -Reason 'The yearly invitation'

Lets one account send to 20,000 recipients in the next 24 hours.
.INPUTS
System.String, or an object with one of these properties: Identity, Entity, SenderAddress.
.OUTPUTS
Postern.PosternAllowance
.NOTES
Needs the role organization-management or security-administrator. Postern's own; Exchange Online has no such cmdlet.
.LINK
https://postern.example/docs/cmdlets.md#add-posternallowance
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#add-posternallowance')]
    [OutputType('Postern.PosternAllowance')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Entity', 'SenderAddress')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Entity,SenderAddress')]
        [string]$Identity,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateRange(0, 1000000)]
        [uint32]$RecipientLimitPerDay,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateRange(0, 8760)]
        [uint32]$Hours,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 1024)]
        [string]$Reason
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Let {0} send to {1} recipients a day for {2} hours' -f $Identity, $RecipientLimitPerDay, $Hours
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Add-PosternAllowance' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Add-PosternAllowance' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.PosternAllowance'
        }
    }
}

function Block-PosternSender {
<#
.SYNOPSIS
Restricts an account or connector from sending mail.
.DESCRIPTION
The restriction is in force with the next message. It is listed by Get-BlockedSenderAddress or Get-BlockedConnector, and ends when somebody releases it or when its hours are over.
.PARAMETER Identity
An account, or connector:NAME.
.PARAMETER Reason
The reason, which is written to the audit trail.
.PARAMETER Hours
How long the restriction lasts, in hours. If omitted, it lasts until somebody releases the sender.
.EXAMPLE
Block-PosternSender -Identity dave@contoso.com -Reason 'Phished password'

Restricts one account until somebody releases it.
.EXAMPLE
'eve@contoso.com', 'frank@contoso.com' | Block-PosternSender -Reason 'Phished password' -Hours 2

Restricts two accounts for two hours.
.INPUTS
System.String, or an object with one of these properties: Identity, Entity, SenderAddress.
.OUTPUTS
Postern.BlockedSenderAddress
.NOTES
Needs the role organization-management or security-administrator. Postern's own; Exchange Online has no such cmdlet.
.LINK
https://postern.example/docs/cmdlets.md#block-posternsender
.LINK
Get-PosternSender
.LINK
about_Postern
#>
    [CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', PositionalBinding = $false, HelpUri = 'https://postern.example/docs/cmdlets.md#block-posternsender')]
    [OutputType('Postern.BlockedSenderAddress')]
    param(
        [Parameter(Mandatory = $true, Position = 0, ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true)]
        [Alias('Entity', 'SenderAddress')]
        [AllowNull()]
        [AllowEmptyString()]
        [PosternIdentity('Identity,Entity,SenderAddress')]
        [string]$Identity,

        [Parameter(Mandatory = $true, ValueFromPipelineByPropertyName = $true)]
        [ValidateLength(0, 1024)]
        [string]$Reason,

        [Parameter(ValueFromPipelineByPropertyName = $true)]
        [ValidateRange(0, 8760)]
        [uint32]$Hours
    )
    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }
    process {
        $does = 'Stop {0} from sending' -f $Identity
        if (Confirm-PosternCall -Cmdlet $PSCmdlet -Name 'Block-PosternSender' -Parameters $PSBoundParameters -Subject 'Identity' -Does $does) {
            Invoke-PosternCmdlet -Cmdlet $PSCmdlet -Name 'Block-PosternSender' -Parameters $PSBoundParameters -Subject 'Identity' -Type 'Postern.BlockedSenderAddress'
        }
    }
}

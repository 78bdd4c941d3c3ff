# Made from integrations/cmdlets.toml by `make cmdlets`.
@{
    RootModule             = 'Postern.psm1'
    ModuleVersion          = '0.1.0'
    CompatiblePSEditions   = @('Desktop', 'Core')
    GUID                   = '6d0c7a3e-5b0e-4c52-9a8c-1f6f0e5a9b71'
    Author                 = 'Postern'
    CompanyName            = 'Postern'
    Copyright              = '(c) The Postern authors. Licensed under the Apache License 2.0.'
    Description            = 'Exchange Online''s cmdlets for blocked senders, outbound spam policies and alert policies, for mail servers that Postern guards: list and release restricted senders, set limits, see usage and reasons.'
    PowerShellVersion      = '5.1'
    DotNetFrameworkVersion = '4.7.2'
    FormatsToProcess       = @('Postern.Format.ps1xml')
    FunctionsToExport      = @(
        'Connect-Postern',
        'Disconnect-Postern',
        'Get-PosternConnection',
        'Get-BlockedSenderAddress',
        'Remove-BlockedSenderAddress',
        'Get-BlockedConnector',
        'Remove-BlockedConnector',
        'Get-HostedOutboundSpamFilterPolicy',
        'New-HostedOutboundSpamFilterPolicy',
        'Set-HostedOutboundSpamFilterPolicy',
        'Get-HostedOutboundSpamFilterRule',
        'New-HostedOutboundSpamFilterRule',
        'Set-HostedOutboundSpamFilterRule',
        'Disable-HostedOutboundSpamFilterRule',
        'Enable-HostedOutboundSpamFilterRule',
        'Remove-HostedOutboundSpamFilterRule',
        'Remove-HostedOutboundSpamFilterPolicy',
        'Get-ProtectionAlert',
        'New-ProtectionAlert',
        'Set-ProtectionAlert',
        'Remove-ProtectionAlert',
        'Get-PosternSender',
        'Get-PosternUsage',
        'Get-PosternExplanation',
        'Add-PosternAllowance',
        'Block-PosternSender'
    )
    CmdletsToExport        = @()
    VariablesToExport      = @()
    AliasesToExport        = @()
    PrivateData            = @{
        PSData = @{
            Tags         = @('Exchange', 'Postfix', 'Mail', 'Email', 'OutboundSpam', 'AntiSpam', 'Postern', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://www.apache.org/licenses/LICENSE-2.0'
            ProjectUri   = 'https://postern.example'
            ReleaseNotes = 'What changed: https://postern.example/CHANGELOG.md. Version 0.1.0 of the module is for version 0.1.0 of the server.'
        }
    }
}

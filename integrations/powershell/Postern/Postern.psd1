# Made from integrations/cmdlets.toml by `make cmdlets`.
@{
    RootModule        = 'Postern.psm1'
    ModuleVersion     = '0.1.0'
    GUID              = '6d0c7a3e-5b0e-4c52-9a8c-1f6f0e5a9b71'
    Author            = 'Postern'
    Description       = 'Exchange''s cmdlets for outbound spam, against Postern.'
    PowerShellVersion = '5.1'
    FormatsToProcess  = @('Postern.Format.ps1xml')
    FunctionsToExport = @(
        'Connect-Postern',
        'Disconnect-Postern',
        'Get-BlockedSenderAddress',
        'Remove-BlockedSenderAddress',
        'Get-BlockedConnector',
        'Remove-BlockedConnector',
        'Get-HostedOutboundSpamFilterPolicy',
        'New-HostedOutboundSpamFilterPolicy',
        'Set-HostedOutboundSpamFilterPolicy',
        'Remove-HostedOutboundSpamFilterPolicy',
        'Get-HostedOutboundSpamFilterRule',
        'New-HostedOutboundSpamFilterRule',
        'Set-HostedOutboundSpamFilterRule',
        'Remove-HostedOutboundSpamFilterRule',
        'Enable-HostedOutboundSpamFilterRule',
        'Disable-HostedOutboundSpamFilterRule',
        'Get-ProtectionAlert',
        'New-ProtectionAlert',
        'Set-ProtectionAlert',
        'Remove-ProtectionAlert',
        'Get-PosternUsage',
        'Get-PosternExplanation',
        'Add-PosternAllowance',
        'Block-PosternSender'
    )
    CmdletsToExport   = @()
    VariablesToExport = @()
    AliasesToExport   = @()
}

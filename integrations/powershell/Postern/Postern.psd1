@{
    RootModule        = 'Postern.psm1'
    ModuleVersion     = '0.1.0'
    GUID              = '6d0c7a3e-5b0e-4c52-9a8c-1f6f0e5a9b71'
    Author            = 'Postern'
    Description       = "Exchange's cmdlets for outbound spam, against Postern."
    PowerShellVersion = '5.1'
    FormatsToProcess  = @('Postern.Format.ps1xml')
    # What begins with another noun is the module's own business.
    FunctionsToExport = @('Connect-Postern', 'Disconnect-Postern', '*-BlockedSenderAddress', '*-BlockedConnector',
        '*-HostedOutboundSpamFilterPolicy', '*-HostedOutboundSpamFilterRule', '*-ProtectionAlert', 'Get-PosternUsage',
        'Get-PosternExplanation', 'Add-PosternAllowance', 'Block-PosternSender')
    CmdletsToExport   = @()
    VariablesToExport = @()
    AliasesToExport   = @()
}

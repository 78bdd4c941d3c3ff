//! Every command and flag, with its help.

mod access;
mod policies;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use postern_services::service::Recommendation;

pub(super) use access::{OrganizationArgs, OrganizationCommand, PersonCommand, SessionCommand, TokenCommand};
pub(super) use policies::{AlertPolicyCommand, AlertStatusArg, AlertsCommand, AllowanceCommand, PolicyCommand};

/// Outbound-mail abuse control for any mail server.
///
/// Postern counts what each authenticated sender sends, restricts a compromised sender before
/// the whole domain is blocklisted, notifies the admins, and lets them see why and release it.
#[derive(Debug, Parser)]
#[command(
    name = "postern",
    version,
    after_help = "Exit status: 0 success, 1 failure, 2 usage error, 3 not found, 4 refused (role or conflict).\n\
                  To get started: postern wiring postfix, then postern doctor."
)]
pub(super) struct Cli {
    /// Configuration file [default: ./postern.toml, then /etc/postern/postern.toml]
    #[arg(long, short, global = true, value_name = "FILE", env = "POSTERN_CONFIG", hide_env_values = true)]
    pub(super) config: Option<PathBuf>,

    /// Connect to the Postern server at this URL instead of the local one
    #[arg(long, global = true, value_name = "URL", env = "POSTERN_SERVER", hide_env_values = true)]
    pub(super) server: Option<String>,

    /// File containing the API token for --server [default: POSTERN_TOKEN from the environment]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Limit the command to one organization
    #[arg(long, global = true, value_name = "ID", env = "POSTERN_ORGANIZATION", hide_env_values = true)]
    pub(super) organization: Option<String>,

    /// Print JSON instead of tables
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run Postern until SIGTERM; SIGHUP reloads the configuration
    Serve,
    #[command(flatten)]
    Daemon(DaemonCommand),
    /// Diagnose problems with the daemon, its policy door and the Postfix configuration
    Doctor {
        /// Postfix configuration directory, if not that of the default instance
        #[arg(long, value_name = "DIR")]
        postfix_config: Option<PathBuf>,
    },
    /// Print the configuration that connects a mail server to Postern
    Wiring {
        /// Mail server to configure
        #[arg(value_enum)]
        mail_server: MailServer,
    },
    /// Simulate an organization sending mail and one account being compromised; needs no mail server
    Demo {
        /// Do not pause between steps
        #[arg(long)]
        fast: bool,
    },
    /// Show what the current policies, or others, would have done with the mail in a log
    #[command(after_help = "Postfix logs: plain, .gz, .zst or journalctl -o export; - reads standard input.\n\
                            Timestamps without a year or time zone use this machine's.\n\
                            Example: postern replay --policy strict.toml --report strict.html /var/log/mail.log*")]
    Replay {
        /// Policies to compare with the current ones, in a file written by postern policy export
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Write an HTML report with charts
        #[arg(long, value_name = "FILE.html")]
        report: Option<PathBuf>,
        /// Postfix log files, optionally compressed (.gz, .zst)
        #[arg(required = true, value_name = "LOG")]
        logs: Vec<PathBuf>,
    },
    /// Configuration: check
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a shell completion script
    Completions {
        /// Shell to generate completions for
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the PowerShell module for this version to a directory
    Powershell {
        /// Directory to write to; the module gets its own subdirectory
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print the manual page, or write one page per command to a directory
    Man {
        /// Directory to write to; must exist
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// Commands that the running daemon carries out.
#[derive(Debug, Subcommand)]
pub(super) enum DaemonCommand {
    /// Restricted entities: list, show, release, undo-release, add (default: list)
    Restricted {
        #[command(subcommand)]
        command: Option<RestrictedCommand>,
    },
    /// Show what an account or connector has sent: each window's count and limit, and when more fits again
    Usage {
        /// Account in any form (alice, alice@example.com), or connector:NAME
        account: String,
    },
    /// Show everything known about an incident, by the reference ID from the reply, log or alert
    Explain {
        /// Reference ID, such as PR-7K3F-9QXD
        reference: String,
    },
    /// Outbound policies: list, show, explain, add, set, preview, remove, export, apply
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Allowances (temporary higher limits for one account): list, grant, end (default: list)
    Allowance {
        #[command(subcommand)]
        command: Option<AllowanceCommand>,
    },
    /// Alerts: list, show, set (status or comment), policies, test (default: list)
    Alerts {
        #[command(subcommand)]
        command: Option<AlertsCommand>,
        /// Show only alerts with this status
        #[arg(long, value_enum)]
        status: Option<AlertStatusArg>,
        /// Show at most N alerts
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Audit trail: list, verify (default: list)
    Audit {
        #[command(subcommand)]
        command: Option<AuditCommand>,
        /// Show at most N entries, newest first
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// Show only entries whose actor, action, target or detail contains this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// API tokens: list, add, revoke (default: list)
    Token {
        #[command(subcommand)]
        command: Option<TokenCommand>,
    },
    /// Directory sources for accounts and groups: list, refresh (default: list)
    Directory {
        #[command(subcommand)]
        command: Option<DirectoryCommand>,
    },
    /// A hosting provider's organizations: list, add, set, remove (default: list)
    Organization {
        #[command(subcommand)]
        command: Option<OrganizationCommand>,
    },
    /// People who may sign in: list, invite, reset, role, disable, enable, remove (default: list)
    Person {
        #[command(subcommand)]
        command: Option<PersonCommand>,
    },
    /// Sign-in sessions: list, end (default: list)
    Session {
        #[command(subcommand)]
        command: Option<SessionCommand>,
    },
    /// Run an Exchange cmdlet, with the same names and parameters as in PowerShell
    #[command(
        after_help = "postern cmdlet Get-Command lists all cmdlets; postern cmdlet Get-Help NAME describes one.\n\
                            Example: postern cmdlet Get-BlockedSenderAddress -SenderAddress laura@contoso.com"
    )]
    Cmdlet {
        /// Format objects as a list
        #[arg(long, conflicts_with = "table")]
        list: bool,
        /// Format objects as a table
        #[arg(long)]
        table: bool,
        /// Cmdlet name, such as Get-BlockedSenderAddress
        name: String,
        /// Cmdlet parameters in PowerShell syntax: -Name value, -Name:value, switches
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PARAMETERS")]
        arguments: Vec<String>,
    },
    /// Show the status of the running daemon
    Status,
}

#[derive(Debug, Subcommand)]
pub(super) enum RestrictedCommand {
    /// List restricted entities, newest first
    List {
        /// Include released restrictions
        #[arg(long)]
        all: bool,
        /// Show only restrictions whose entity, reference or cause contains this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show an entity's restrictions and their evidence
    Show {
        /// Account in any form, or connector:NAME
        account: String,
    },
    /// Release an entity, effective immediately; probation begins
    Release {
        /// Account in any form, or connector:NAME
        account: String,
        /// Reason, for the audit trail
        #[arg(long, short)]
        reason: String,
        /// Release only if this is the restriction in force
        #[arg(long, value_name = "REFERENCE")]
        reference: Option<String>,
        /// Check made before the release, for the audit trail; may be repeated
        #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(Recommendation::ALL.map(Recommendation::key)))]
        made_sure: Vec<String>,
    },
    /// Undo an entity's last release: put the same restriction back in force, without notifying anyone again
    UndoRelease {
        /// Account in any form, or connector:NAME
        account: String,
        /// Reason, for the audit trail
        #[arg(long, short)]
        reason: String,
        /// Undo only if this is the restriction that was released last
        #[arg(long, value_name = "REFERENCE")]
        reference: Option<String>,
    },
    /// Restrict an entity manually
    Add(AddArgs),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Account in any form, or connector:NAME
    pub(super) account: String,
    /// Reason, for the audit trail and the alert
    #[arg(long, short)]
    pub(super) reason: String,
    /// When the restriction expires (RFC 3339, such as 2026-12-01T08:00:00Z) [default: when released]
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
}

const SETTINGS_HELP: &str = "Settings: users, groups, domains, except_users, except_groups, except_domains \
(comma-separated lists); external_per_hour, internal_per_hour, per_day (0: built-in default); messages_per_minute, \
messages_per_day, first_time_recipients_per_day, unknown_recipients_per_hour, recipients_per_message (0: no limit); \
escape_lane_per_hour; action (alert-only, defer, restrict-until-next-day, restrict); mode (enforce, report-only); \
warn_at_percent; notify; copy_to; description; enabled; priority (0 is evaluated first); preset (standard, strict).\n\
Example: postern policy add Newsletter groups=marketing per_day=5000 action=defer";

const ALERT_SETTINGS_HELP: &str = "Settings (lists are comma-separated): trigger (name of a built-in alert policy); \
recipients (addresses, or TenantAdmins); daily_notification_limit (0: no limit); severity (informational, low, medium, \
high); enabled; webhooks; users, groups, domains, except_users, except_groups, except_domains; description.\n\
Example: postern alerts policies add \"Sales\" trigger=\"User restricted from sending email\" groups=sales \
recipients=lead@example.com";

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// List directory sources and their state
    List,
    /// Reread every source in the background
    Refresh,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List entries, newest first
    List,
    /// Verify that no entry was changed or removed
    Verify {
        /// Also verify that the entry with this hash, noted earlier, is still present
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Check the configuration file without starting anything
    Check,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum MailServer {
    /// Postfix (main.cf)
    Postfix,
}

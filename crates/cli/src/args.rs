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
/// Postern counts what each authenticated sender sends, restricts the one that has been taken
/// over before the whole domain is blocklisted, tells the admins, and lets them see why and
/// release it.
#[derive(Debug, Parser)]
#[command(
    name = "postern",
    version,
    after_help = "Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 refused (role or conflict).\n\
                  Start with: postern wiring postfix, then postern doctor."
)]
pub(super) struct Cli {
    /// Configuration file [default: ./postern.toml, then /etc/postern/postern.toml]
    #[arg(long, short, global = true, value_name = "FILE", env = "POSTERN_CONFIG", hide_env_values = true)]
    pub(super) config: Option<PathBuf>,

    /// Talk to the Postern at this address instead of the one on this machine
    #[arg(long, global = true, value_name = "URL", env = "POSTERN_SERVER", hide_env_values = true)]
    pub(super) server: Option<String>,

    /// File that holds the API token for --server [default: POSTERN_TOKEN in the environment]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Keep to one organization, of several
    #[arg(long, global = true, value_name = "ID", env = "POSTERN_ORGANIZATION", hide_env_values = true)]
    pub(super) organization: Option<String>,

    /// Print JSON for programs instead of tables for people
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run Postern until SIGTERM; SIGHUP reads the configuration again
    Serve,
    /// Restricted entities: list, show, release, add (alone: list)
    Restricted {
        #[command(subcommand)]
        command: Option<RestrictedCommand>,
    },
    /// What an account or connector has sent: each window's count, limit, and when it is free again
    Usage {
        /// Account in any spelling (alice, alice@example.com), or connector:NAME
        account: String,
    },
    /// All that is known of an incident, by the reference id in the reply, the log or the alert
    Explain {
        /// Reference id, such as PR-7K3F-9QXD
        reference: String,
    },
    /// Outbound policies: list, show, explain, add, set, remove, export, apply
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Allowances, higher limits for one account for a time: list, grant, end (alone: list)
    Allowance {
        #[command(subcommand)]
        command: Option<AllowanceCommand>,
    },
    /// Alerts: list, show, set a status, comment; policies, test (alone: list)
    Alerts {
        #[command(subcommand)]
        command: Option<AlertsCommand>,
        /// Only of this status
        #[arg(long, value_enum)]
        status: Option<AlertStatusArg>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// The audit trail: list or verify (alone: list)
    Audit {
        #[command(subcommand)]
        command: Option<AuditCommand>,
        /// At most so many entries, newest first
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
        /// Only where actor, action, target or detail has this text in it
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// API tokens: list, add, revoke (alone: list)
    Token {
        #[command(subcommand)]
        command: Option<TokenCommand>,
    },
    /// Where accounts and groups are read: list, refresh (alone: list)
    Directory {
        #[command(subcommand)]
        command: Option<DirectoryCommand>,
    },
    /// Organizations of a hoster: list, add, set, remove (alone: list)
    Organization {
        #[command(subcommand)]
        command: Option<OrganizationCommand>,
    },
    /// People who may sign in: list, invite, reset, role, disable, enable, remove (alone: list)
    Person {
        #[command(subcommand)]
        command: Option<PersonCommand>,
    },
    /// Who is signed in where: list, end (alone: list)
    Session {
        #[command(subcommand)]
        command: Option<SessionCommand>,
    },
    /// Run one of Exchange's cmdlets: the same names and parameters as in PowerShell
    #[command(after_help = "postern cmdlet Get-Command lists them, postern cmdlet Get-Help NAME explains one.\n\
                            Example: postern cmdlet Get-BlockedSenderAddress -SenderAddress laura@contoso.com")]
    Cmdlet {
        /// Show objects as lists
        #[arg(long, conflicts_with = "table")]
        list: bool,
        /// Show objects as a table
        #[arg(long)]
        table: bool,
        /// The cmdlet, such as Get-BlockedSenderAddress
        name: String,
        /// Its parameters, as PowerShell has them: -Name value, -Name:value, switches
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PARAMETERS")]
        arguments: Vec<String>,
    },
    /// How the running Postern is
    Status,
    /// Find what is wrong: the daemon, its door, and how Postfix is wired to it
    Doctor {
        /// Postfix's configuration folder, if it is not the default instance's
        #[arg(long, value_name = "DIR")]
        postfix_config: Option<PathBuf>,
    },
    /// Print the lines that wire a mail server to Postern
    Wiring {
        /// Which mail server
        #[arg(value_enum)]
        mail_server: MailServer,
    },
    /// Watch a simulated organization send and one account be taken over; needs no mail server
    Demo {
        /// Do not pause between the steps
        #[arg(long)]
        fast: bool,
    },
    /// What today's policies, or others, would have done about the mail in a log
    #[command(after_help = "Logs are Postfix's: plain, gz or zst, or journalctl -o export; - is standard input.\n\
                            Times without a year or zone are this machine's.\n\
                            Example: postern replay --policy strict.toml --report strict.html /var/log/mail.log*")]
    Replay {
        /// Policies to compare with today's, a file as postern policy export writes it
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// Write a page with charts
        #[arg(long, value_name = "FILE.html")]
        report: Option<PathBuf>,
        /// Log files of Postfix; .gz and .zst too
        #[arg(required = true, value_name = "LOG")]
        logs: Vec<PathBuf>,
    },
    /// The configuration: check
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell that completions are for
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the PowerShell module that belongs to this version into a folder
    Powershell {
        /// Folder to write to; the module gets a folder of its own in it
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print the manual page, or write one page a command into a folder
    Man {
        /// Folder to write to; it must exist
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum RestrictedCommand {
    /// List restricted entities, newest first
    List {
        /// Those that have been released, too
        #[arg(long)]
        all: bool,
        /// Only where entity, reference or cause has this text in it
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show the restrictions of one entity with their evidence
    Show {
        /// Account in any spelling, or connector:NAME
        account: String,
    },
    /// Let an entity send again, at once; probation begins
    Release {
        /// Account in any spelling, or connector:NAME
        account: String,
        /// Why, for the audit trail
        #[arg(long, short)]
        reason: String,
        /// Only if this is the restriction in force
        #[arg(long, value_name = "REFERENCE")]
        reference: Option<String>,
        /// What you made sure of before; stands in the audit trail, may be given several times
        #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(Recommendation::ALL.map(Recommendation::key)))]
        made_sure: Vec<String>,
    },
    /// Undo the last release of an entity: the same restriction is in force again, and nobody is told twice
    UndoRelease {
        /// Account in any spelling, or connector:NAME
        account: String,
        /// Why, for the audit trail
        #[arg(long, short)]
        reason: String,
        /// Only if this is the restriction that was released last
        #[arg(long, value_name = "REFERENCE")]
        reference: Option<String>,
    },
    /// Restrict an entity by hand
    Add(AddArgs),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Account in any spelling, or connector:NAME
    pub(super) account: String,
    /// Why, for the audit trail and the alert
    #[arg(long, short)]
    pub(super) reason: String,
    /// When it ends by itself (RFC 3339, such as 2026-12-01T08:00:00Z)
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
}

const SETTINGS_HELP: &str = "Settings: users, groups, domains, except_users, except_groups, except_domains (lists with \
commas); external_per_hour, internal_per_hour, per_day (0: the built-in default); messages_per_minute, messages_per_day, first_time_recipients_per_day, unknown_recipients_per_hour, \
recipients_per_message (0: any number); escape_lane_per_hour; action (alert-only, defer, restrict-until-next-day, restrict); \
mode (enforce, report-only); warn_at_percent; notify; copy_to; description; enabled; priority (0 is looked at first); \
preset (standard, strict).\n\
Example: postern policy add Newsletter groups=marketing per_day=5000 action=defer";

const ALERT_SETTINGS_HELP: &str = "Settings: trigger (the name of a built-in alert policy); recipients (addresses, or TenantAdmins; lists with \
commas); daily_notification_limit (0: no limit); severity (informational, low, medium, high); enabled; webhooks; users, \
groups, domains, except_users, except_groups, except_domains; description.\n\
Example: postern alerts policies add \"Sales\" trigger=\"User restricted from sending email\" groups=sales recipients=lead@example.com";

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// List the directory's sources, and how they are
    List,
    /// Have every source read again, in the background
    Refresh,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// List entries, newest first
    List,
    /// Check that no entry was changed or taken out
    Verify {
        /// Also check that the entry of this hash, noted earlier, is still there
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
    /// Lines for Postfix's main.cf
    Postfix,
}

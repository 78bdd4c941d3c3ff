//! Commands about policies, allowances and alerts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ALERT_SETTINGS_HELP, SETTINGS_HELP};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// List the outbound policies in the order in which they are looked at
    List,
    /// Show outbound policies in force, with real numbers
    Show {
        /// Only this one
        name: Option<String>,
    },
    /// Which policy holds for an account, and why
    Explain {
        /// Account in any spelling, or connector:NAME
        account: String,
    },
    /// Add a policy for some users, groups or domains
    #[command(after_help = SETTINGS_HELP)]
    Add {
        /// Name of the policy, in any case
        name: String,
        /// Settings as KEY=VALUE
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Change settings of a policy, in force at once
    #[command(after_help = SETTINGS_HELP)]
    Set {
        /// Its name; the default policy is called Default
        name: String,
        /// What to change
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Whom a policy would have acted on in the last 7 days; changes nothing
    #[command(after_help = SETTINGS_HELP)]
    Preview {
        /// Its name, or that of a new one
        name: String,
        /// Its settings as they would be
        #[arg(value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Remove a policy
    Remove {
        /// Name of the policy, in any case
        name: String,
    },
    /// Write all policies as a TOML file, for apply
    Export {
        /// Where to; without it, standard output
        file: Option<PathBuf>,
    },
    /// Put the policies of a file in the place of all there are
    Apply {
        /// A file as export writes it
        file: PathBuf,
        /// Only show what would change
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AllowanceCommand {
    /// List allowances in force
    List,
    /// Let an account send more until a time
    Grant(GrantArgs),
    /// End an account's allowance before its time
    End {
        /// Account in any spelling, or connector:NAME
        account: String,
    },
}

#[derive(Debug, Args)]
#[group(id = "numbers", multiple = true, required = true, args = ["external_per_hour", "internal_per_hour", "per_day"])]
pub(crate) struct GrantArgs {
    /// Account in any spelling, or connector:NAME
    pub(crate) account: String,
    /// External recipients per hour
    #[arg(long, value_name = "N")]
    pub(crate) external_per_hour: Option<u32>,
    /// Internal recipients per hour
    #[arg(long, value_name = "N")]
    pub(crate) internal_per_hour: Option<u32>,
    /// Recipients per day
    #[arg(long, value_name = "N")]
    pub(crate) per_day: Option<u32>,
    /// When it ends (RFC 3339, such as 2026-12-01T18:00:00Z)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// Why, for the audit trail
    #[arg(long, short)]
    pub(crate) reason: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts, newest first
    List,
    /// Show one alert with what people did about it
    Show {
        /// Reference id, such as PR-7K3F-9QXD
        reference: String,
    },
    /// Alert policies, who is told of what: list, show, add, set, remove (alone: list)
    Policies {
        #[command(subcommand)]
        command: Option<AlertPolicyCommand>,
    },
    /// Send a test through every channel of an alert policy and print what each answered
    Test {
        /// Its name, such as "User restricted from sending email"
        policy: String,
    },
    /// Give an alert a status, a comment, or both
    #[command(group = clap::ArgGroup::new("what").args(["new_status", "comment"]).required(true).multiple(true))]
    Set {
        /// Reference id, such as PR-7K3F-9QXD
        reference: String,
        /// How far you have come
        #[arg(long = "status", value_enum)]
        new_status: Option<AlertStatusArg>,
        /// What there is to say
        #[arg(long)]
        comment: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertPolicyCommand {
    /// List alert policies
    List,
    /// Show one in full
    Show {
        /// Name of the alert policy, in any case
        name: String,
    },
    /// Add one of your own
    #[command(after_help = ALERT_SETTINGS_HELP)]
    Add {
        /// Name of the alert policy, in any case
        name: String,
        /// What it is
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Change settings, in force at once
    #[command(after_help = ALERT_SETTINGS_HELP)]
    Set {
        /// Name of the alert policy, in any case
        name: String,
        /// What to change
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Remove one of your own
    Remove {
        /// Name of the alert policy, in any case
        name: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AlertStatusArg {
    /// Nobody has dealt with it yet
    Active,
    /// Somebody is at it
    Investigating,
    /// It is dealt with
    Resolved,
    /// It was nothing
    Dismissed,
}

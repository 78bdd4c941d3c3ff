//! Commands about policies, allowances and alerts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ALERT_SETTINGS_HELP, SETTINGS_HELP};

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// List outbound policies in order of evaluation
    List,
    /// Show outbound policies with their effective limits
    Show {
        /// Show only this policy
        name: Option<String>,
    },
    /// Show which policy applies to an account, and why
    Explain {
        /// Account in any form, or connector:NAME
        account: String,
    },
    /// Add a policy for specific users, groups or domains
    #[command(after_help = SETTINGS_HELP)]
    Add {
        /// Policy name (case-insensitive)
        name: String,
        /// Settings as KEY=VALUE
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Change a policy's settings, effective immediately
    #[command(after_help = SETTINGS_HELP)]
    Set {
        /// Policy name; the default policy is called Default
        name: String,
        /// Settings to change, as KEY=VALUE
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Show whom a policy would have acted on in the last 7 days, without changing anything
    #[command(after_help = SETTINGS_HELP)]
    Preview {
        /// Name of an existing or new policy
        name: String,
        /// Settings to try, as KEY=VALUE
        #[arg(value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Remove a policy
    Remove {
        /// Policy name (case-insensitive)
        name: String,
    },
    /// Export all policies as TOML, for apply
    Export {
        /// Output file [default: standard output]
        file: Option<PathBuf>,
    },
    /// Replace all policies with those in a file
    Apply {
        /// File written by export
        file: PathBuf,
        /// Show what would change, without changing anything
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AllowanceCommand {
    /// List allowances in force
    List,
    /// Raise an account's limits until a given time
    Grant(GrantArgs),
    /// End an account's allowance early
    End {
        /// Account in any form, or connector:NAME
        account: String,
    },
}

#[derive(Debug, Args)]
#[group(id = "numbers", multiple = true, required = true, args = ["external_per_hour", "internal_per_hour", "per_day"])]
pub(crate) struct GrantArgs {
    /// Account in any form, or connector:NAME
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
    /// When the allowance expires (RFC 3339, such as 2026-12-01T18:00:00Z)
    #[arg(long, value_name = "TIME")]
    pub(crate) until: String,
    /// Reason, for the audit trail
    #[arg(long, short)]
    pub(crate) reason: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts, newest first
    List,
    /// Show one alert with its status changes and comments
    Show {
        /// Reference ID, such as PR-7K3F-9QXD
        reference: String,
    },
    /// Alert policies (who is notified of what): list, show, add, set, remove (default: list)
    Policies {
        #[command(subcommand)]
        command: Option<AlertPolicyCommand>,
    },
    /// Send a test through every channel of an alert policy and print each response
    Test {
        /// Alert policy name, such as "User restricted from sending email"
        policy: String,
    },
    /// Set an alert's status, add a comment, or both
    #[command(group = clap::ArgGroup::new("what").args(["new_status", "comment"]).required(true).multiple(true))]
    Set {
        /// Reference ID, such as PR-7K3F-9QXD
        reference: String,
        /// New status
        #[arg(long = "status", value_enum)]
        new_status: Option<AlertStatusArg>,
        /// Comment to add
        #[arg(long)]
        comment: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertPolicyCommand {
    /// List alert policies
    List,
    /// Show one alert policy in full
    Show {
        /// Alert policy name (case-insensitive)
        name: String,
    },
    /// Add a custom alert policy
    #[command(after_help = ALERT_SETTINGS_HELP)]
    Add {
        /// Alert policy name (case-insensitive)
        name: String,
        /// Settings as KEY=VALUE
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Change an alert policy's settings, effective immediately
    #[command(after_help = ALERT_SETTINGS_HELP)]
    Set {
        /// Alert policy name (case-insensitive)
        name: String,
        /// Settings to change, as KEY=VALUE
        #[arg(value_name = "KEY=VALUE", required = true)]
        settings: Vec<String>,
    },
    /// Remove a custom alert policy
    Remove {
        /// Alert policy name (case-insensitive)
        name: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AlertStatusArg {
    /// Not handled yet
    Active,
    /// Being investigated
    Investigating,
    /// Handled
    Resolved,
    /// False alarm
    Dismissed,
}

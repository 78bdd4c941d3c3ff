//! Commands about organizations, people, sessions and tokens.

use clap::{Args, Subcommand, ValueEnum};
use postern_domain::access::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List API tokens, with their role and their last use
    List,
    /// Make a token and print it, alone, on standard output
    Add {
        /// What it is for
        name: String,
        /// What it may do
        #[arg(long, value_enum)]
        role: RoleArg,
        /// When it ends (RFC 3339, such as 2027-01-01T00:00:00Z) [default: when it is revoked]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Revoke a token, at once
    Revoke {
        /// Name of the token, in any case
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// List the organizations, the first one first
    List,
    /// Add one, in force at once
    Add {
        /// What it is called in commands: lower-case letters, digits and -
        id: String,
        #[command(flatten)]
        settings: OrganizationArgs,
    },
    /// Change one, in force at once
    Set {
        /// Id of the organization, as the list shows it
        id: String,
        #[command(flatten)]
        settings: OrganizationArgs,
    },
    /// Remove one with its policies, people and tokens
    Remove {
        /// Id of the organization, as the list shows it
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OrganizationArgs {
    /// Its name, in mails and pages
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// An accepted domain, the default one first; once for each
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub(crate) domains: Vec<String>,
    /// An admin's address; once for each [default: postmaster of the first domain]
    #[arg(long = "admin", value_name = "ADDRESS")]
    pub(crate) admins: Vec<String>,
    /// Whom restricted accounts may still write to; once for each
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) helpdesk: Vec<String>,
    /// Where its days begin and end, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// List who may sign in, by address
    List,
    /// Invite somebody and print the one-time sign-up link, alone, on standard output
    Invite {
        /// Their mail address
        address: String,
        /// What they may do
        #[arg(long, value_enum)]
        role: RoleArg,
    },
    /// Print a new sign-up link for somebody who can't get in: it sets a new password and takes
    /// away their second factor and passkeys
    Reset {
        /// Their mail address
        address: String,
    },
    /// Give somebody another role, in force with their next click
    Role {
        /// Their mail address
        address: String,
        /// What they may do
        #[arg(value_enum)]
        role: RoleArg,
    },
    /// Keep somebody from signing in, and sign them out everywhere
    Disable {
        /// Their mail address
        address: String,
    },
    /// Let somebody sign in again
    Enable {
        /// Their mail address
        address: String,
    },
    /// Remove somebody, and sign them out everywhere
    Remove {
        /// Their mail address
        address: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List who is signed in, from where and since when
    List,
    /// End a session
    End {
        /// Its id, from the list
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleArg {
    /// Everything, and say who else may do what
    OrganizationManagement,
    /// Release, restrict, edit policies
    SecurityAdministrator,
    /// Look at everything, change nothing
    SecurityReader,
    /// Look at everything, change nothing
    GlobalReader,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::OrganizationManagement => Role::OrganizationManagement,
            RoleArg::SecurityAdministrator => Role::SecurityAdministrator,
            RoleArg::SecurityReader => Role::SecurityReader,
            RoleArg::GlobalReader => Role::GlobalReader,
        }
    }
}

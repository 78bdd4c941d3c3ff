//! Commands about organizations, people, sessions and tokens.

use clap::{Args, Subcommand, ValueEnum};
use postern_domain::access::Role;

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// List API tokens with their role and last use
    List,
    /// Create a token and print only the token to standard output
    Add {
        /// Token name, such as what it is for
        name: String,
        /// Role of the token
        #[arg(long, value_enum)]
        role: RoleArg,
        /// When the token expires (RFC 3339, such as 2027-01-01T00:00:00Z) [default: when revoked]
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
    },
    /// Revoke a token, effective immediately
    Revoke {
        /// Token name (case-insensitive)
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrganizationCommand {
    /// List organizations, the first (default) organization at the top
    List,
    /// Add an organization, effective immediately
    Add {
        /// ID to use in commands: lowercase letters, digits and -
        id: String,
        #[command(flatten)]
        settings: OrganizationArgs,
    },
    /// Change an organization, effective immediately
    Set {
        /// Organization ID, from the list
        id: String,
        #[command(flatten)]
        settings: OrganizationArgs,
    },
    /// Remove an organization with its policies, people and tokens
    Remove {
        /// Organization ID, from the list
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OrganizationArgs {
    /// Display name, used in mail and on pages
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Accepted domain, the default domain first; may be repeated
    #[arg(long = "domain", value_name = "DOMAIN")]
    pub(crate) domains: Vec<String>,
    /// Admin address; may be repeated [default: postmaster of the first domain]
    #[arg(long = "admin", value_name = "ADDRESS")]
    pub(crate) admins: Vec<String>,
    /// Escape lane address that restricted accounts may still send to; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) helpdesk: Vec<String>,
    /// Time zone in which its days begin and end, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonCommand {
    /// List people who may sign in, by address
    List,
    /// Invite a person and print only the one-time sign-up link to standard output
    Invite {
        /// Email address of the person
        address: String,
        /// Role of the person
        #[arg(long, value_enum)]
        role: RoleArg,
    },
    /// Print a new sign-up link for a person who is locked out: using it sets a new password and
    /// removes their second factor and passkeys
    Reset {
        /// Email address of the person
        address: String,
    },
    /// Change a person's role, effective with their next request
    Role {
        /// Email address of the person
        address: String,
        /// Role of the person
        #[arg(value_enum)]
        role: RoleArg,
    },
    /// Block a person from signing in, and sign them out everywhere
    Disable {
        /// Email address of the person
        address: String,
    },
    /// Allow a person to sign in again
    Enable {
        /// Email address of the person
        address: String,
    },
    /// Remove a person, and sign them out everywhere
    Remove {
        /// Email address of the person
        address: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List who is signed in, from where and since when
    List,
    /// End a session
    End {
        /// Session ID, from the list
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RoleArg {
    /// Full access, including people, tokens and sessions
    OrganizationManagement,
    /// View everything; release, restrict, edit policies and allowances
    SecurityAdministrator,
    /// View everything, change nothing
    SecurityReader,
    /// View everything, change nothing
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

//! The optional parts that this program was built with, as Cargo features.

/// Accounts and groups from LDAP.
pub const LDAP: bool = cfg!(feature = "ldap");
/// Accounts and groups from MySQL and MariaDB.
pub const MYSQL: bool = cfg!(feature = "mysql");
/// Signing in with passkeys.
pub const PASSKEYS: bool = cfg!(feature = "passkeys");
/// Signing in through an OpenID Connect provider.
pub const SINGLE_SIGN_ON: bool = cfg!(feature = "single-sign-on");

/// The message for a part that was left out of this build.
pub fn left_out(part: &str, feature: &str) -> String {
    format!("this postern was built without {part}; build it with the feature \"{feature}\"")
}

//! The directory: which accounts exist, and which groups they are in.
//!
//! It is read as a whole in the background from a database or LDAP, and stored in a local file: no
//! request from a mail server waits for it, and while it is unavailable the last state read applies.

mod directory_cache;
#[cfg(feature = "ldap")]
mod ldap;
mod sql;

use std::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(not(all(feature = "ldap", feature = "mysql")))]
use crate::built_with;
use crate::settings::Reader;
pub use directory_cache::{DirectoryCache, Snapshot, SourceState};

/// How long reading a source may take in total.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Reads all accounts and groups of a source.
///
/// # Errors
/// The source can't be read; the text tells an admin why.
pub async fn read(reader: &Reader) -> Result<Entries, String> {
    let read = async {
        match reader {
            Reader::Sqlite { path, queries } => sql::sqlite(path, queries).await,
            Reader::Postgresql { url, password, queries } => sql::postgresql(url, password.as_deref(), queries).await,
            #[cfg(feature = "mysql")]
            Reader::Mysql { url, password, queries } => sql::mysql(url, password.as_deref(), queries).await,
            #[cfg(not(feature = "mysql"))]
            Reader::Mysql { .. } => Err(built_with::left_out("MySQL", "mysql")),
            #[cfg(feature = "ldap")]
            Reader::Ldap(reader) => ldap::read(reader).await,
            #[cfg(not(feature = "ldap"))]
            Reader::Ldap(_) => Err(built_with::left_out("LDAP", "ldap")),
        }
    };
    match tokio::time::timeout(TIMEOUT, read).await {
        Ok(done) => done,
        Err(_) => Err(format!("it took longer than {} s", TIMEOUT.as_secs())),
    }
}

/// The accounts and groups of a source, as it returns them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entries {
    /// Logins, each with the person's name if known.
    pub accounts: Vec<(String, Option<String>)>,
    /// Groups, each with the login of a member.
    pub groups: Vec<(String, String)>,
}

//! What use cases ask about the mail server of this machine.

use postern_domain::finding::Finding;
use postern_domain::policy::CopyAlias;

use crate::in_force::InForce;
use crate::service::views::StatusView;
use crate::settings::Settings;

/// Knows how a mail server is made to ask, and whether it is.
#[async_trait::async_trait]
pub trait WiringCheck: Send + Sync {
    /// What is wrong with how Postern runs and is asked, and what to do about it.
    async fn findings(&self, settings: &InForce, status: &StatusView) -> Vec<Finding>;

    /// The lines that make the mail server ask.
    fn lines(&self, settings: &Settings, aliases: &[CopyAlias]) -> String;
}

//! The interface by which use cases check the mail server of this machine.

use postern_domain::finding::Finding;
use postern_domain::policy::CopyAlias;

use crate::in_force::InForce;
use crate::service::views::StatusView;
use crate::settings::Settings;

/// Knows how to make a mail server ask Postern, and whether it does.
#[async_trait::async_trait]
pub trait WiringCheck: Send + Sync {
    /// What is wrong with how Postern runs and is used by mail servers, and what to do about it.
    async fn findings(&self, settings: &InForce, status: &StatusView) -> Vec<Finding>;

    /// The configuration lines that make the mail server ask Postern.
    fn lines(&self, settings: &Settings, aliases: &[CopyAlias]) -> String;
}

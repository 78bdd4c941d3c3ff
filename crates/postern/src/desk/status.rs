//! How Postern is.

use postern_domain::access::Permission;

use super::views::StatusView;
use super::{Caller, Desk, DeskError};

impl Desk {
    /// What runs where, how much went through, and what does not work.
    ///
    /// # Errors
    /// The caller may not look.
    pub async fn status(&self, caller: &Caller) -> Result<StatusView, DeskError> {
        self.may_everywhere(caller, Permission::Look)?;
        let settings = self.settings.load_full();
        let (restricted, on_probation) = self.standings.counts();
        let outbox = self.store.outbox().await.map(|(state, _)| state).unwrap_or_default();
        Ok(StatusView {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started: self.started,
            config: settings.file.display().to_string(),
            data: settings.data.display().to_string(),
            policy_door: settings.policy_door.listen.iter().map(ToString::to_string).collect(),
            portal: settings.portal.listen.to_string(),
            smtp_server: format!("{}:{}", settings.smtp.server.host, settings.smtp.server.port),
            restricted,
            on_probation,
            entities: self.ledger.len(),
            requests: self.metrics.requests.get(),
            messages: self.metrics.messages.get(),
            unauthenticated: self.metrics.unauthenticated.get(),
            malformed: self.metrics.malformed.get(),
            outbox: outbox.into(),
            problems: self.health.problems(),
            servers: self.wiring.report(),
        })
    }
}

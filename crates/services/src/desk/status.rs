//! How Postern is.

use postern_domain::access::Permission;
use postern_domain::finding::Finding;

use super::views::StatusView;
use super::{Caller, Desk, DeskError};

impl Desk {
    /// What is wrong with how Postern runs and is asked, and what to do about it. Looks at the Postfix
    /// of this machine, as far as the user that Postern runs as may.
    ///
    /// # Errors
    /// The caller may not look.
    pub async fn doctor(&self, caller: &Caller) -> Result<Vec<Finding>, DeskError> {
        let status = self.status(caller).await?;
        let settings = self.settings.load_full();
        Ok(self.wiring_check.findings(&settings, &status).await)
    }

    /// The lines that make a Postfix ask.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn wiring_lines(&self, caller: &Caller) -> Result<String, DeskError> {
        self.may_everywhere(caller, Permission::Look)?;
        Ok(self.wiring_check.lines(&self.settings.load(), &self.copy_aliases()))
    }

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
            copy_aliases: self.copy_aliases(),
        })
    }
}

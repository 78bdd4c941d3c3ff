//! The state of Postern, and what is wrong with it.

mod copies;
mod wiring_check;

use std::sync::Arc;

use postern_domain::Timestamp;
use postern_domain::access::Permission;
use postern_domain::finding::Finding;
use postern_ledger::Ledger;
use postern_ledger::memory::MemoryLedger;
use postern_store::Outbox;

use crate::gate::{MailServers, Policies, Standings};
use crate::health::Health;
use crate::in_force::SettingsInForce;
use crate::metrics::Metrics;
use crate::service::views::StatusView;
use crate::service::{Caller, ServiceError};

pub use wiring_check::WiringCheck;

/// Reports the state of Postern.
pub struct StatusService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Mails and webhooks waiting for delivery.
    pub(crate) store: Arc<dyn Outbox>,
    /// Counts of what was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// The standing of entities.
    pub(crate) standings: Arc<Standings>,
    /// Policies and allowances in force.
    pub(crate) policies: Arc<Policies>,
    /// Mail servers, and what they ask.
    pub(crate) mail_servers: Arc<MailServers>,
    /// Checks how this machine's mail server is wired.
    pub(crate) wiring_check: Arc<dyn WiringCheck>,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// Which parts have failed, for `/healthz` and `postern status`.
    pub(crate) health: Arc<Health>,
    /// When this process started.
    pub(crate) started: Timestamp,
}

impl StatusService {
    /// What is wrong with how Postern runs and is used by mail servers, and what to do about it. Also checks the
    /// Postfix of this machine, as far as the user that Postern runs as may read it.
    ///
    /// # Errors
    /// The caller may not view this.
    pub async fn doctor(&self, caller: &Caller) -> Result<Vec<Finding>, ServiceError> {
        let status = self.get(caller).await?;
        let settings = self.settings.load_full();
        Ok(self.wiring_check.findings(&settings, &status).await)
    }

    /// The configuration lines that make a Postfix ask Postern.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn wiring_lines(&self, caller: &Caller) -> Result<String, ServiceError> {
        caller.may_everywhere(Permission::Look)?;
        Ok(self.wiring_check.lines(&self.settings.load(), &self.copy_aliases()))
    }

    /// What runs and where it listens, how much it has handled, and what does not work.
    ///
    /// # Errors
    /// The caller may not view this.
    pub async fn get(&self, caller: &Caller) -> Result<StatusView, ServiceError> {
        caller.may_everywhere(Permission::Look)?;
        let settings = self.settings.load_full();
        let (restricted, on_probation) = self.standings.counts();
        let outbox = self.store.outbox().await.map(|(state, _)| state).unwrap_or_default();
        Ok(StatusView {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started: self.started,
            config: settings.file.display().to_string(),
            data: settings.data.display().to_string(),
            policy_door: settings.policy_listen().map(ToString::to_string).collect(),
            portal: settings.portal.listen.to_string(),
            smtp_server: format!("{}:{}", settings.smtp.server.host, settings.smtp.server.port),
            restricted,
            on_probation,
            entities: self.ledger.entity_count().await.unwrap_or_default(),
            requests: self.metrics.requests.get(),
            messages: self.metrics.messages.get(),
            unauthenticated: self.metrics.unauthenticated.get(),
            malformed: self.metrics.malformed.get(),
            outbox: outbox.into(),
            problems: self.health.problems(),
            servers: self.mail_servers.report(),
            copy_aliases: self.copy_aliases(),
        })
    }
}

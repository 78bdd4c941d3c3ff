//! The doctor for the use cases: what the portal shows is what `postern doctor` finds.

use postern_domain::finding::Finding;
use postern_domain::policy::CopyAlias;
use postern_services::desk::WiringCheck;
use postern_services::desk::views::StatusView;
use postern_services::settings::Settings;

use crate::doctor::{self, Daemon};

/// Looks at the Postfix of this machine.
#[derive(Debug)]
pub struct PostfixCheck;

#[async_trait::async_trait]
impl WiringCheck for PostfixCheck {
    async fn findings(&self, settings: &Settings, status: &StatusView) -> Vec<Finding> {
        doctor::check(settings, Ok(&daemon_of(status)), None).await
    }

    fn lines(&self, settings: &Settings, aliases: &[CopyAlias]) -> String {
        doctor::lines::postfix(settings, aliases)
    }
}

/// What the doctor wants to know of the daemon.
pub fn daemon_of(status: &StatusView) -> Daemon {
    Daemon {
        version: status.version.clone(),
        pid: status.pid,
        problems: status.problems.clone(),
        retrying: status.outbox.retrying,
        smtp_server: status.smtp_server.clone(),
        servers: status.servers.clone(),
        copy_aliases: status.copy_aliases.clone(),
    }
}

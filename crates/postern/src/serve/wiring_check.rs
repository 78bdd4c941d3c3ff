//! Runs the doctor for the use cases, so that the portal shows what `postern doctor` finds.

use postern_domain::finding::Finding;
use postern_domain::policy::CopyAlias;
use postern_services::in_force::InForce;
use postern_services::service::WiringCheck;
use postern_services::service::views::StatusView;
use postern_services::settings::Settings;

use postern_cli::doctor::daemon_of;
use postern_doctor as doctor;

/// Checks the Postfix of this machine.
#[derive(Debug)]
pub struct PostfixCheck;

#[async_trait::async_trait]
impl WiringCheck for PostfixCheck {
    async fn findings(&self, settings: &InForce, status: &StatusView) -> Vec<Finding> {
        doctor::check(settings, Ok(&daemon_of(&status.clone().into())), None).await
    }

    fn lines(&self, settings: &Settings, aliases: &[CopyAlias]) -> String {
        doctor::lines::postfix(settings, aliases)
    }
}

//! `postern explain REFERENCE`: everything known about one incident.

use super::client::{Client, segment};
use super::{CliError, alerts, output, restricted, usage};
use postern_api::types::IncidentView;

pub(super) async fn run(client: &Client, reference: &str, json: bool) -> Result<(), CliError> {
    let incident: IncidentView = client.get(&format!("/incidents/{}", segment(reference))).await?;
    if json {
        return output::json(&incident);
    }
    match (&incident.restriction, &incident.alert) {
        (Some(restriction), _) => restricted::print(restriction),
        (None, Some(alert)) => {
            alerts::print(alert);
            output::evidence(&alert.evidence);
        }
        (None, None) => {}
    }
    if let (Some(_), Some(alert)) = (&incident.restriction, &incident.alert) {
        anstream::println!("\n{}", output::styled(output::BOLD, "Alert"));
        alerts::print(alert);
    }
    if let Some(now) = &incident.usage {
        anstream::println!("\n{}", output::styled(output::BOLD, "Usage now"));
        usage::print(now);
    }
    if let Some(open) = incident.restriction.filter(|restriction| restriction.released_at.is_none()) {
        anstream::println!("\nTo release it: postern restricted release {} --reason TEXT", open.entity);
    }
    Ok(())
}

//! `postern policy`

use super::args::PolicyCommand;
use super::client::Client;
use super::{CliError, output};
use crate::desk::views::PolicyView;

pub(super) async fn run(client: &Client, command: PolicyCommand, json: bool) -> Result<(), CliError> {
    let PolicyCommand::Show = command;
    let policies: Vec<PolicyView> = client.get("/policies").await?;
    if json {
        return output::json(&policies);
    }
    for policy in policies {
        let mut facts = vec![("Policy", format!("{} (for everyone)", policy.name))];
        let names = ["External per hour", "Internal per hour", "Per day", "Escape lane per hour"];
        for (name, (_, limit)) in names.into_iter().zip(policy.limits.each()) {
            facts.push((name, format!("{limit} recipients")));
        }
        facts.push(("Action", format!("{} ({})", policy.action.key(), policy.action)));
        let probation = match policy.probation_hours {
            0 => "none".into(),
            hours => format!("{hours} hours with {} % of the limits, after a release", policy.probation_percent),
        };
        facts.push(("Probation", probation));
        output::facts(&facts);
    }
    Ok(())
}

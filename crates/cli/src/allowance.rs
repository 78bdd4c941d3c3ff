//! `postern allowance`: temporary higher limits for an account.

use postern_domain::Timestamp;

use super::args::AllowanceCommand;
use super::client::{Client, segment};
use super::{CliError, output};
use postern_api::types::{Allowance, AllowanceRequest};

pub(super) async fn run(client: &Client, command: Option<AllowanceCommand>, json: bool) -> Result<(), CliError> {
    match command.unwrap_or(AllowanceCommand::List) {
        AllowanceCommand::List => list(client, json).await,
        AllowanceCommand::Grant(args) => {
            let until = Timestamp::parse(&args.until).map_err(|error| CliError::Usage(format!("--until: {error}")))?;
            let request = AllowanceRequest {
                entity: args.account,
                external_per_hour: args.external_per_hour,
                internal_per_hour: args.internal_per_hour,
                per_day: args.per_day,
                until,
                reason: args.reason,
            };
            let granted: Allowance = client.post("/allowances", &request).await?;
            if json {
                return output::json(&granted);
            }
            anstream::println!(
                "{} may send {} until {}.",
                granted.entity,
                numbers(&granted),
                output::ahead(granted.until)
            );
            Ok(())
        }
        AllowanceCommand::End { account } => {
            client.post_nothing(&format!("/allowances/{}/end", segment(&account))).await?;
            if !json {
                anstream::println!("The allowance for {account} has ended; its policy's limits apply again.");
            }
            Ok(())
        }
    }
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let allowances: Vec<Allowance> = client.get("/allowances").await?;
    if json {
        return output::json(&allowances);
    }
    if allowances.is_empty() {
        anstream::println!(
            "No allowances in force. Grant one with: postern allowance grant ACCOUNT --per-day N --until TIME --reason WHY"
        );
        return Ok(());
    }
    let rows = allowances.iter().map(|allowance| {
        vec![
            allowance.entity.to_string(),
            numbers(allowance),
            output::ahead(allowance.until),
            allowance.granted_by.clone(),
            allowance.reason.clone(),
            allowance.reference.to_string(),
        ]
    });
    output::table(&["Entity", "May send", "Until", "Granted by", "Reason", "Reference"], rows.collect());
    Ok(())
}

fn numbers(allowance: &Allowance) -> String {
    let parts = [
        (allowance.external_per_hour, "external per hour"),
        (allowance.internal_per_hour, "internal per hour"),
        (allowance.per_day, "per day"),
    ];
    let parts = parts.into_iter().filter_map(|(number, what)| number.map(|number| format!("{number} {what}")));
    parts.collect::<Vec<_>>().join(", ")
}

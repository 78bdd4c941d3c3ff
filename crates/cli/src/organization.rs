//! `postern organization`: a hosting provider's organizations.

use postern_api::types::{OrganizationRecord, OrganizationRequest};
use serde_json::json;

use super::args::{OrganizationArgs, OrganizationCommand};
use super::client::{Client, segment};
use super::{CliError, output};

pub(super) async fn run(client: &Client, command: Option<OrganizationCommand>, json: bool) -> Result<(), CliError> {
    let path = |id: &str| format!("/organizations/{}", segment(id));
    let made: OrganizationRecord = match command {
        None | Some(OrganizationCommand::List) => return list(client, json).await,
        Some(OrganizationCommand::Add { id, settings }) => {
            let mut body = json!(request(settings));
            body["id"] = json!(id);
            client.post("/organizations", &body).await?
        }
        Some(OrganizationCommand::Set { id, settings }) => client.patch(&path(&id), &request(settings)).await?,
        Some(OrganizationCommand::Remove { id }) => {
            client.delete(&path(&id)).await?;
            if !json {
                anstream::println!(
                    "The organization {id} is removed; its domains no longer belong to any organization."
                );
            }
            return Ok(());
        }
    };
    if json {
        return output::json(&made);
    }
    print(&[made]);
    Ok(())
}

fn request(args: OrganizationArgs) -> OrganizationRequest {
    let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
    OrganizationRequest {
        name: args.name,
        domains: some(args.domains),
        admins: some(args.admins),
        helpdesk: some(args.helpdesk),
        time_zone: args.time_zone,
    }
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let all: Vec<OrganizationRecord> = client.get("/organizations").await?;
    if json {
        return output::json(&all);
    }
    print(&all);
    Ok(())
}

fn print(organizations: &[OrganizationRecord]) {
    let row = |one: &OrganizationRecord| {
        vec![
            one.id.to_string(),
            one.name.clone(),
            one.domains.join(", "),
            one.admins.join(", "),
            one.helpdesk.join(", "),
            one.time_zone.clone(),
        ]
    };
    let heads = ["Organization", "Name", "Domains", "Admins", "Helpdesk", "Time zone"];
    output::table(&heads, organizations.iter().map(row).collect());
}

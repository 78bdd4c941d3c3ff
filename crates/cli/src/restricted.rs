//! `postern restricted`: list, show, release and add restrictions.

use postern_domain::{Reference, Timestamp};

use super::args::{AddArgs, RestrictedCommand};
use super::client::{Client, segment};
use super::{CliError, output};
use postern_api::types::{ReleaseRequest, RestrictRequest, RestrictionView, UndoReleaseRequest};
use postern_services::service::Recommendation;

pub(super) async fn run(client: &Client, command: Option<RestrictedCommand>, json: bool) -> Result<(), CliError> {
    match command.unwrap_or(RestrictedCommand::List { all: false, search: None }) {
        RestrictedCommand::List { all, search } => list(client, all, search.as_deref(), json).await,
        RestrictedCommand::Show { account } => show(client, &account, json).await,
        RestrictedCommand::Release { account, reason, reference, made_sure } => {
            let reference = named(reference)?;
            let made_sure = made_sure.iter().filter_map(|key| Recommendation::from_key(key)).collect();
            release(client, &account, ReleaseRequest { reason, reference, made_sure }, json).await
        }
        RestrictedCommand::UndoRelease { account, reason, reference } => {
            let request = UndoReleaseRequest { reason, reference: named(reference)? };
            undo_release(client, &account, request, json).await
        }
        RestrictedCommand::Add(args) => add(client, args, json).await,
    }
}

fn named(reference: Option<String>) -> Result<Option<Reference>, CliError> {
    let reference = reference.map(|text| Reference::parse(&text)).transpose();
    reference.map_err(|error| CliError::Usage(error.to_string()))
}

async fn list(client: &Client, all: bool, search: Option<&str>, json: bool) -> Result<(), CliError> {
    let search_for = search.map(|text| format!("&q={}", segment(text))).unwrap_or_default();
    let found: Vec<RestrictionView> = client.get(&format!("/restrictions?all={all}{search_for}")).await?;
    if json {
        return output::json(&found);
    }
    if found.is_empty() {
        let never = if search.is_some() {
            "No restriction matches."
        } else if all {
            "Nobody has ever been restricted."
        } else {
            "Nobody is restricted."
        };
        anstream::println!("{never}");
        return Ok(());
    }
    let row = |r: &RestrictionView| {
        vec![
            r.entity.to_string(),
            postern_services::present::time(r.since),
            ends(r),
            r.reason.clone(),
            output::evidence_summary(&r.evidence),
            r.refused.to_string(),
            r.reference.to_string(),
        ]
    };
    let heads = ["Entity", "Since", "Until", "Reason", "Evidence", "Refused attempts", "Reference"];
    output::table(&heads, found.iter().map(row).collect());
    if let Some(first) = found.iter().find(|r| r.released_at.is_none()) {
        anstream::println!("\nFull evidence: postern restricted show {}", first.entity);
        anstream::println!("To release it: postern restricted release {} --reason TEXT", first.entity);
    }
    Ok(())
}

fn ends(r: &RestrictionView) -> String {
    match (r.released_at, r.until) {
        (Some(at), _) => format!("released {}", postern_services::present::time(at)),
        (None, Some(until)) => postern_services::present::time(until),
        (None, None) => "an admin releases it".into(),
    }
}

async fn show(client: &Client, account: &str, json: bool) -> Result<(), CliError> {
    let found: Vec<RestrictionView> = client.get(&format!("/restrictions/{}", segment(account))).await?;
    if json {
        return output::json(&found);
    }
    for (number, restriction) in found.iter().enumerate() {
        if number > 0 {
            anstream::println!("\n{}\n", "─".repeat(72));
        }
        print(restriction);
    }
    Ok(())
}

/// One restriction in full.
pub fn print(r: &RestrictionView) {
    let state = match r.released_at {
        None => output::styled(output::BAD, "restricted"),
        Some(_) => output::styled(output::GOOD, "released"),
    };
    let mut facts = vec![
        ("Entity", format!("{} ({state})", r.entity)),
        ("Reference", r.reference.to_string()),
        ("Reason", r.reason.clone()),
        ("Since", output::ago(r.since)),
        ("Until", if r.released_at.is_none() { r.until.map_or_else(|| ends(r), output::ahead) } else { ends(r) }),
        ("Refused", refused(r)),
    ];
    if let (Some(by), Some(why)) = (&r.released_by, &r.release_reason) {
        facts.push(("Released by", format!("{by}: {why}")));
    }
    if let Some(until) = r.probation_until {
        facts.push(("Probation", format!("until {}", postern_services::present::time(until))));
    }
    output::facts(&facts);
    output::evidence(&r.evidence);
}

fn refused(r: &RestrictionView) -> String {
    let attempts = if r.refused == 1 { "attempt" } else { "attempts" };
    match r.last_refused_at {
        Some(last) => format!("{} {attempts} since, the last at {}", r.refused, postern_services::present::time(last)),
        None => "no attempts since".into(),
    }
}

async fn release(client: &Client, account: &str, request: ReleaseRequest, json: bool) -> Result<(), CliError> {
    let path = format!("/restrictions/{}/release", segment(account));
    let released: RestrictionView = client.post(&path, &request).await?;
    if json {
        return output::json(&released);
    }
    anstream::println!("{} may send again, effective immediately.", output::styled(output::BOLD, &released.entity));
    if let Some(until) = released.probation_until {
        anstream::println!("It is on probation, with lower limits, until {}.", postern_services::present::time(until));
    }
    Ok(())
}

async fn undo_release(client: &Client, account: &str, request: UndoReleaseRequest, json: bool) -> Result<(), CliError> {
    let path = format!("/restrictions/{}/undo-release", segment(account));
    let restored: RestrictionView = client.post(&path, &request).await?;
    if json {
        return output::json(&restored);
    }
    let entity = output::styled(output::BOLD, &restored.entity);
    anstream::println!("{entity} is restricted as it was ({}): {}.", restored.reference, restored.reason);
    say_end(&restored);
    Ok(())
}

fn say_end(restriction: &RestrictionView) {
    match restriction.until {
        Some(until) => anstream::println!("The restriction expires at {}.", postern_services::present::time(until)),
        None => anstream::println!("The restriction lasts until an admin releases it."),
    }
}

async fn add(client: &Client, args: AddArgs, json: bool) -> Result<(), CliError> {
    let until = args.until.map(|text| Timestamp::parse(&text));
    let until = until.transpose().map_err(|error| CliError::Usage(format!("--until: {error}")))?;
    let request = RestrictRequest { entity: args.account, reason: args.reason, until };
    let made: RestrictionView = client.post("/restrictions", &request).await?;
    if json {
        return output::json(&made);
    }
    anstream::println!("{} is restricted as of now ({}).", output::styled(output::BOLD, &made.entity), made.reference);
    say_end(&made);
    Ok(())
}

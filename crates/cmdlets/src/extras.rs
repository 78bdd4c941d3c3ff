//! Postern's own cmdlets, for features that Exchange lacks.

use std::time::Duration;

use postern_domain::Reference;
use serde_json::{Value, json};

use super::blocked;
use super::{Call, CmdletError, Object, Result, Returned};
use postern_services::service::{AllowanceRequest, RestrictRequest, SenderView, ServiceError};

/// Senders shown unless -ResultSize specifies otherwise.
const SENDERS: u32 = 1000;

pub(super) async fn senders(call: &Call<'_>) -> Result<Returned> {
    let text = call.bound.text("Anr").unwrap_or_default();
    let most = call.bound.number("ResultSize").filter(|most| *most > 0).unwrap_or(SENDERS);
    let found = call
        .services
        .accounts
        .senders(call.caller, text, most as usize)
        .await
        .map_err(|error| call.refused(&error, text))?;
    let object = |one: &SenderView| {
        Object::default()
            .with("Identity", one.entity.to_string())
            .with("DisplayName", one.name.clone())
            .with("Groups", one.groups.clone())
            .with("Standing", one.standing.as_str())
    };
    Ok(found.iter().map(object).collect::<Vec<_>>().into())
}

pub(super) async fn usage(call: &Call<'_>) -> Result<Returned> {
    let identity = call.required("Identity");
    let usage = call.services.usage.of(call.caller, identity).await.map_err(|error| call.refused(&error, identity))?;
    let object = |window: &postern_services::service::views::WindowView| {
        Object::default()
            .with("Entity", usage.entity.to_string())
            .with("Standing", usage.standing.as_str())
            .with("Window", window.window.key())
            .with("Count", window.count)
            .with("Limit", window.limit.map_or(Value::Null, |limit| json!(limit)))
            .with_time("FreeAt", window.free_at)
            .with("Policy", usage.policy.as_str())
    };
    Ok(usage.windows.iter().map(object).collect::<Vec<_>>().into())
}

pub(super) async fn explanation(call: &Call<'_>) -> Result<Returned> {
    let identity = call.required("Identity");
    let refused = |error| call.refused(&error, identity);
    if let Ok(reference) = Reference::parse(identity) {
        let found = call.services.restrictions.explain(call.caller, reference.as_str()).await.map_err(refused)?;
        let (restriction, alert) = (found.restriction.as_ref(), found.alert.as_ref());
        let entity = restriction.map(|one| &one.entity).or(alert.and_then(|alert| alert.entity.as_ref()));
        let reason = restriction.map(|one| one.reason.as_str()).or(alert.map(|alert| alert.reason.as_str()));
        let policy = restriction.and_then(|one| one.cause.policy()).or(alert.and_then(|alert| alert.cause.policy()));
        let object = Object::default()
            .with("Identity", reference.as_str())
            .with("Entity", entity.map(ToString::to_string))
            .with("Standing", found.usage.as_ref().map(|usage| usage.standing.as_str()))
            .with("Policy", policy)
            .with("Reason", reason)
            .with_time("Since", restriction.map(|one| one.since).or(alert.map(|alert| alert.raised_at)))
            .with_time("Until", restriction.and_then(|one| one.until))
            .with_time("Released", restriction.and_then(|one| one.released_at))
            .with("Refused", restriction.map_or(0, |one| one.refused))
            .with("Skipped", Vec::<String>::new());
        return Ok(vec![object].into());
    }
    let choice = call.services.policies.explain(call.caller, identity).map_err(refused)?;
    let skipped: Vec<String> = choice.skipped.iter().map(|one| format!("{}: {}", one.policy, one.why)).collect();
    let object = Object::default()
        .with("Identity", choice.entity.to_string())
        .with("Entity", choice.entity.to_string())
        .with("Standing", choice.standing.as_str())
        .with("Policy", choice.policy.policy.name.as_str())
        .with("Reason", Value::Null)
        .with_time("Since", None)
        .with_time("Until", choice.allowance.as_ref().map(|allowance| allowance.until))
        .with_time("Released", None)
        .with("Refused", 0)
        .with("Skipped", skipped);
    Ok(vec![object].into())
}

/// The time this many hours from now.
fn hours(call: &Call<'_>, hours: u32) -> postern_domain::Timestamp {
    call.services.clock.now().plus(Duration::from_secs(u64::from(hours) * 3600))
}

pub(super) async fn allow(call: &Call<'_>) -> Result<Returned> {
    let identity = call.required("Identity");
    let limit = call.bound.number("RecipientLimitPerDay");
    let Some(length) = call.bound.number("Hours").filter(|hours| *hours > 0) else {
        return Err(CmdletError::parameter("Hours", "Hours must be at least 1.".into()));
    };
    let request = AllowanceRequest {
        entity: identity.to_owned(),
        external_per_hour: limit,
        internal_per_hour: limit,
        per_day: limit,
        until: hours(call, length),
        reason: call.required("Reason").to_owned(),
    };
    if call.bound.what_if {
        call.caller
            .new_entity(&call.services.settings.load(), identity)
            .map_err(|error| call.refused(&error, identity))?;
        return Ok(Returned::default());
    }
    let granted = call.services.allowances.grant(call.caller, &request).await;
    let granted = granted.map_err(|error| call.refused(&error, identity))?;
    let object = Object::default()
        .with("Entity", granted.entity.to_string())
        .with("RecipientLimitPerDay", limit)
        .with_time("Until", Some(granted.until))
        .with("Reason", granted.reason)
        .with("GrantedBy", granted.granted_by);
    Ok(vec![object].into())
}

/// The error for a sender that could not be restricted: the only conflict is that it is restricted already.
fn not_restricted(call: &Call<'_>, error: &ServiceError, identity: &str) -> CmdletError {
    match error {
        ServiceError::Conflict(why) => CmdletError::already(identity, why.clone()),
        other => call.refused(other, identity),
    }
}

pub(super) async fn block(call: &Call<'_>) -> Result<Returned> {
    let identity = call.required("Identity");
    let until = call.bound.number("Hours").filter(|hours| *hours > 0).map(|length| hours(call, length));
    let reason = call.required("Reason").to_owned();
    let request = RestrictRequest { entity: identity.to_owned(), reason, until };
    if call.bound.what_if {
        call.services
            .restrictions
            .check(call.caller, identity)
            .map_err(|error| not_restricted(call, &error, identity))?;
        return Ok(Returned::default());
    }
    let made = call.services.restrictions.restrict(call.caller, &request).await;
    let made = made.map_err(|error| not_restricted(call, &error, identity))?;
    Ok(vec![blocked::sender(&made, &call.organization)].into())
}

//! The cmdlets for blocked senders and connectors.

use postern_domain::evidence::Cause;
use postern_domain::window::Window;
use postern_domain::{EntityId, EntityKind, OrganizationId};
use postern_services::service::RestrictionFilter;

use super::object::guid;
use super::{Call, Object, Result, Returned};
use postern_services::service::ReleaseRequest;
use postern_services::service::views::RestrictionView;

/// Restricted entities of one kind.
async fn restricted(call: &Call<'_>, kind: EntityKind) -> Result<Vec<RestrictionView>> {
    let filter = RestrictionFilter { kind: Some(kind), ..RestrictionFilter::default() };
    call.services.restrictions.list(call.caller, &filter).await.map_err(|error| call.refused(&error, ""))
}

/// An account's restriction in force; the address may be in any form.
async fn one_sender(call: &Call<'_>, address: &str) -> Result<RestrictionView> {
    let found =
        call.services.restrictions.of(call.caller, address).await.map_err(|error| call.refused(&error, address))?;
    let is_it = |one: &RestrictionView| one.released_at.is_none() && one.kind == EntityKind::Account;
    found.into_iter().find(is_it).ok_or_else(|| call.missing(address))
}

pub(super) async fn senders(call: &Call<'_>) -> Result<Returned> {
    let found = match call.bound.text("SenderAddress") {
        Some(address) => vec![one_sender(call, address).await?],
        None => restricted(call, EntityKind::Account).await?,
    };
    Ok(by_key(&found, call))
}

/// Objects in the order of their keys: paging relies on it, however many are released meanwhile.
fn by_key(found: &[RestrictionView], call: &Call<'_>) -> Returned {
    let mut objects: Vec<Object> = found.iter().map(|one| sender(one, &call.organization)).collect();
    objects.sort_by(|a, b| a.key().cmp(b.key()));
    objects.into()
}

/// A restricted account or, with its ID, connector.
pub(super) fn sender(one: &RestrictionView, organization: &OrganizationId) -> Object {
    let object = match one.kind {
        EntityKind::Account => Object::default().with("SenderAddress", one.entity.name()),
        EntityKind::Connector => {
            let name = one.entity.name();
            Object::default().with("ConnectorId", connector_id(&one.entity, organization)).with("ConnectorName", name)
        }
    };
    object
        .with("Reason", reason(one))
        .with_time("CreatedDatetime", Some(one.since))
        .with_time("ChangedDatetime", Some(one.last_refused_at.unwrap_or(one.since)))
        .with("TemporaryBlock", one.until.is_some())
}

/// The reason in Exchange's shape, from our evidence. Keys that Exchange lacks come last: clients tolerate unknown
/// ones.
fn reason(one: &RestrictionView) -> String {
    let count = |window| one.evidence.windows.iter().find(|seen| seen.window == window).map_or(0, |seen| seen.count);
    let last = one.evidence.attempts.last();
    let reference = &one.reference;
    match &one.cause {
        Cause::LimitExceeded { policy, excess, .. } => {
            let (mut internal, mut external) = (count(Window::InternalPerHour), count(Window::ExternalPerHour));
            match excess.window {
                Window::InternalPerHour => internal = excess.count,
                Window::ExternalPerHour => external = excess.count,
                _ => {}
            }
            let kind = match excess.window {
                Window::InternalPerHour => "Internal",
                Window::ExternalPerHour => "External",
                _ if internal > external => "Internal",
                _ => "External",
            };
            format!(
                "EmailSendingLimitExceeded;InternalRecipientCountToday={internal};ExternalRecipientCountToday={external};\
                 ExceedingLimitType={kind};LastMessageRcptCount={};Limit={};LimitValue={};Count={};Policy={};\
                 Reference={reference};",
                last.map_or(0, |last| last.recipients),
                excess.window.key(),
                excess.limit,
                excess.count,
                no_keys(policy),
            )
        }
        Cause::Manual { reason } => {
            format!("RestrictedByAdmin;Comment={};Reference={reference};", no_keys(reason))
        }
        other => format!("Restricted;Comment={};Reference={reference};", no_keys(&other.describe())),
    }
}

/// Replaces semicolons in text that people wrote, so that it can't add keys.
fn no_keys(text: &str) -> String {
    text.replace(';', ",")
}

pub(super) async fn release_sender(call: &Call<'_>) -> Result<Returned> {
    let address = call.required("SenderAddress");
    let found = one_sender(call, address).await?;
    release(call, &found, address).await
}

async fn release(call: &Call<'_>, found: &RestrictionView, identity: &str) -> Result<Returned> {
    if call.bound.what_if {
        return Ok(Returned::default());
    }
    // Exchange's documentation puts the reason for the block here, and so does a pipeline from the list: that is no
    // reason for the release.
    let given = call.bound.text("Reason").filter(|given| *given != reason(found));
    let reason = given.unwrap_or(&call.cmdlet.name).to_owned();
    let request = ReleaseRequest { reason, reference: Some(found.reference.clone()), made_sure: Vec::new() };
    let released = call.services.restrictions.release(call.caller, &found.entity.to_string(), &request).await;
    released.map_err(|error| call.refused(&error, identity))?;
    Ok(Returned::default())
}

fn connector_id(entity: &EntityId, organization: &OrganizationId) -> String {
    guid("connector", organization, entity.name())
}

async fn found_connectors(call: &Call<'_>) -> Result<Vec<RestrictionView>> {
    let all = restricted(call, EntityKind::Connector).await?;
    let Some(wanted) = call.bound.text("ConnectorId") else { return Ok(all) };
    let is_wanted = |one: &RestrictionView| {
        connector_id(&one.entity, &call.organization).eq_ignore_ascii_case(wanted.trim_matches(['{', '}']))
            || one.entity.name().eq_ignore_ascii_case(wanted)
    };
    let found: Vec<_> = all.into_iter().filter(is_wanted).collect();
    if found.is_empty() { Err(call.missing(wanted)) } else { Ok(found) }
}

pub(super) async fn connectors(call: &Call<'_>) -> Result<Returned> {
    let found = found_connectors(call).await?;
    Ok(by_key(&found, call))
}

pub(super) async fn release_connector(call: &Call<'_>) -> Result<Returned> {
    let found = found_connectors(call).await?;
    release(call, &found[0], call.required("ConnectorId")).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use postern_domain::evidence::{Evidence, WindowCount};
    use postern_domain::window::Excess;
    use postern_domain::{Reference, Timestamp};

    fn with(cause: Cause, windows: &[(Window, u32)]) -> RestrictionView {
        let windows = windows.iter().map(|(window, count)| WindowCount { window: *window, count: *count, limit: None });
        let entity = EntityId::account_named("laura@contoso.com");
        RestrictionView {
            kind: entity.kind(),
            entity,
            reference: Reference::from_random(7),
            reason: cause.describe(),
            cause,
            since: Timestamp::from_millis(0),
            until: None,
            refused: 0,
            last_refused_at: None,
            released_at: None,
            released_by: None,
            release_reason: None,
            probation_until: None,
            evidence: Evidence { windows: windows.collect(), attempts: Vec::new() },
        }
    }

    #[test]
    fn a_passed_limit_has_the_keys_that_clients_read() {
        let excess = Excess { window: Window::ExternalPerHour, limit: 500, count: 501 };
        let cause = Cause::LimitExceeded { policy: "Default".into(), excess, probation: false };
        let reason = reason(&with(cause, &[(Window::InternalPerHour, 12), (Window::ExternalPerHour, 500)]));
        let begins = "EmailSendingLimitExceeded;InternalRecipientCountToday=12;ExternalRecipientCountToday=501;\
                      ExceedingLimitType=External;LastMessageRcptCount=0;";
        assert!(reason.starts_with(begins), "{reason}");
        assert!(reason.ends_with("Policy=Default;Reference=PR-7000-0000;"), "{reason}");
    }

    #[test]
    fn an_admins_words_add_no_keys() {
        let cause = Cause::Manual { reason: "phished; ExceedingLimitType=External".into() };
        let reason = reason(&with(cause, &[]));
        assert_eq!(reason.split(';').filter(|part| part.starts_with("ExceedingLimitType")).count(), 0, "{reason}");
    }
}

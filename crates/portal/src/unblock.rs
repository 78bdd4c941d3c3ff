//! Unblock, step by step: details and recommendations, reason, confirmation, result. Each step is a page, so that it
//! works without JavaScript.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::evidence::AttemptRecord;
use postern_domain::{EntityId, Reference, Timestamp};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::form::{Form, Nothing};
use super::page::{Frame, render, render_as};
use super::refusal::Refusal;
use super::session::{Signed, flash, remember, take};
use super::{names, texts};
use postern_services::present;
use postern_services::service::views::RestrictionView;
use postern_services::service::{
    Permission, Recommendation, ReleaseRequest, ServiceError, Services, UndoReleaseRequest,
};

/// A sender without an attempt for this long has given up or is locked out.
const QUIET: std::time::Duration = std::time::Duration::from_secs(15 * 60);
const DONE: &str = "unblocked";

#[derive(Debug, Default, Deserialize)]
pub(super) struct UnblockForm {
    #[serde(default)]
    step: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    entity: Vec<String>,
    #[serde(default)]
    made_sure: Vec<String>,
}

impl UnblockForm {
    fn made_sure(&self) -> Vec<Recommendation> {
        self.made_sure.iter().filter_map(|key| Recommendation::from_key(key)).collect()
    }
}

#[derive(Template)]
#[template(path = "unblock.html")]
struct UnblockPage {
    frame: Frame,
    /// The entities to unblock, each with whether someone still tries to send as them.
    restrictions: Vec<(RestrictionView, Trying)>,
    step: &'static str,
    reason: String,
    made_sure: Vec<Recommendation>,
    error: Option<String>,
    probation: String,
}

impl UnblockPage {
    fn recommendations() -> [Recommendation; 4] {
        Recommendation::ALL
    }

    fn is_made_sure(&self, one: &Recommendation) -> bool {
        self.made_sure.contains(one)
    }
}

/// What Postern itself can see of whether the account is secure again.
#[derive(Debug, PartialEq, Eq)]
struct Trying {
    /// Whether there was an attempt a moment ago.
    still: bool,
    /// The finding, for people to read.
    text: String,
}

impl Trying {
    fn new(restriction: &RestrictionView, last: Option<&AttemptRecord>, now: Timestamp) -> Self {
        let Some(at) = restriction.last_refused_at else {
            return Self { still: false, text: texts::t("recommend-quiet-never") };
        };
        let still = now.since(at) < QUIET;
        let ago = present::duration(std::time::Duration::from_secs(now.since(at).as_secs().max(1)));
        let from = last.filter(|last| last.at >= at).and_then(|last| last.client_address);
        let text = match (still, from) {
            (true, Some(from)) => texts::tn2("recommend-still-from", "ago", ago, "address", from.to_string()),
            (true, None) => texts::t1("recommend-still", "ago", ago),
            (false, _) => texts::t1("recommend-quiet", "ago", ago),
        };
        Self { still, text }
    }
}

pub(super) async fn step(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<UnblockForm>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    signed.caller.may(Permission::Manage)?;
    let mut restrictions = Vec::new();
    for entity in &values.entity {
        let all = services.restrictions.of(&signed.caller, entity).await?;
        let Some(found) = all.into_iter().find(|one| one.released_at.is_none()) else { continue };
        let last = services.usage.attempts(&signed.caller, entity).await?.pop();
        let trying = Trying::new(&found, last.as_ref(), services.clock.now());
        restrictions.push((found, trying));
    }
    if restrictions.is_empty() {
        flash(&current, texts::t("unblock-nobody")).await?;
        return Ok(Redirect::to("/restricted").into_response());
    }
    let reason = values.reason.trim().to_owned();
    let (step, error) = match values.step.as_str() {
        "reason" => ("reason", None),
        "confirm" | "yes" if reason.is_empty() => ("reason", Some(texts::t("unblock-reason-missing"))),
        "confirm" => ("confirm", None),
        "yes" => return release(&services, &current, &signed, &restrictions, &values).await,
        _ => ("overview", None),
    };
    let probation = services.settings.load().probation;
    let duration = present::duration(probation.duration);
    let probation = texts::tn2("unblock-probation", "duration", duration, "percent", probation.percent);
    let frame = Frame::signed(&services, "unblock-title", &signed).at("/restricted");
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let made_sure = values.made_sure();
    Ok(render_as(status, &UnblockPage { frame, restrictions, step, reason, made_sure, error, probation }))
}

async fn release(
    services: &Services,
    current: &Session,
    signed: &Signed,
    restrictions: &[(RestrictionView, Trying)],
    values: &UnblockForm,
) -> Result<Response, Refusal> {
    // A single restriction is released only if it is the one that was shown; of several, each entity's current one
    // is.
    let only = Reference::parse(&values.reference).ok().filter(|_| restrictions.len() == 1);
    let mut done = Done { reason: values.reason.trim().to_owned(), ..Done::default() };
    let request = ReleaseRequest { reason: done.reason.clone(), reference: only, made_sure: values.made_sure() };
    for (restriction, _) in restrictions {
        match services.restrictions.release(&signed.caller, &restriction.entity.to_string(), &request).await {
            Ok(released) => done.entities.push(Unblocked {
                at: released.released_at.unwrap_or_else(|| services.clock.now()),
                probation: released.probation_until,
                reference: Some(released.reference),
                entity: released.entity,
            }),
            // With several, report both what was done and what was not.
            Err(error) if restrictions.len() > 1 => done.failed.push((restriction.entity.clone(), error.to_string())),
            Err(error) => return Err(error.into()),
        }
    }
    remember(current, DONE, done).await?;
    Ok(Redirect::to("/unblocked").into_response())
}

/// The result: who was unblocked, and what failed.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Done {
    reason: String,
    entities: Vec<Unblocked>,
    failed: Vec<(EntityId, String)>,
}

/// An entity that was unblocked: when, the end of its probation, and the restriction that was released.
#[derive(Debug, Serialize, Deserialize)]
struct Unblocked {
    entity: EntityId,
    at: Timestamp,
    probation: Option<Timestamp>,
    #[serde(default)]
    reference: Option<Reference>,
}

#[derive(Template)]
#[template(path = "unblocked.html")]
struct DonePage {
    frame: Frame,
    done: Done,
    node: String,
}

impl DonePage {
    fn names(&self) -> String {
        self.done.entities.iter().map(|one| one.entity.to_string()).collect::<Vec<_>>().join(", ")
    }
}

/// The page with the result of the last release.
pub(super) async fn done(
    State(services): State<Arc<Services>>,
    current: Session,
    signed: Signed,
) -> Result<Response, Refusal> {
    let Some(done) = current.get::<Done>(DONE).await? else {
        return Ok(Redirect::to("/restricted").into_response());
    };
    let frame = Frame::signed(&services, "unblock-title", &signed).at("/restricted");
    Ok(render(&DonePage { frame, done, node: present::host_name() }))
}

/// Undoes the last release: the same restrictions are in force again.
pub(super) async fn undo(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    form.signed.caller.may(Permission::Manage)?;
    let Some(done) = take::<Done>(&current, DONE).await? else {
        return Ok(Redirect::to("/restricted").into_response());
    };
    let reason = texts::t1("undo-reason", "reason", done.reason.chars().take(900).collect::<String>());
    let (mut names, mut left) = (Vec::new(), Vec::new());
    for Unblocked { entity, reference, .. } in done.entities {
        let request = UndoReleaseRequest { reason: reason.clone(), reference };
        let (caller, name) = (&form.signed.caller, entity.to_string());
        match services.restrictions.undo_release(caller, &name, &request).await {
            Ok(_) => names.push(name),
            // The entity is restricted already, by an admin or by the gate, which is what was wanted.
            Err(_) if services.restrictions.check(caller, &name).is_err() => names.push(name),
            // With several, report both what was done and what was not.
            Err(error) => left.push(error.to_string()),
        }
    }
    if names.is_empty() && !left.is_empty() {
        return Err(ServiceError::Conflict(left.join(" ")).into());
    }
    if !names.is_empty() {
        left.insert(0, texts::t1("undo-done", "entities", names.join(", ")));
    }
    flash(&current, left.join(" ")).await?;
    Ok(Redirect::to("/restricted").into_response())
}

//! The portal: web pages for people. They call the services, as every interface does.
//!
//! The server renders the pages, which work without JavaScript; `assets/portal.js` improves them.

mod accounts;
mod alerts;
mod assets;
mod audit;
mod charts;
mod client;
mod cookies;
mod csv;
mod entity;
mod form;
mod guard;
mod names;
mod organizations;
mod overview;
mod own_sign_in;
mod page;
#[cfg(feature = "passkeys")]
mod passkeys;
#[cfg(any(feature = "passkeys", feature = "single-sign-on"))]
mod pending;
mod policies;
mod powershell;
mod refusal;
mod restricted;
mod session;
mod settings;
mod sign_in;
mod sign_up;
#[cfg(feature = "single-sign-on")]
mod single_sign_on;
mod texts;
mod unblock;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use postern_services::service::Services;

/// The routes of every page.
pub fn routes(services: &Arc<Services>) -> Router {
    let pages = Router::new()
        .merge(senders())
        .merge(rules())
        .merge(access())
        .merge(by_passkey())
        .merge(by_provider())
        .fallback(page::not_found)
        .layer(from_fn_with_state(Arc::clone(services), session::keep_alive))
        .layer(session::layer(services))
        .layer(from_fn_with_state(Arc::clone(services), page::refusals))
        .layer(from_fn_with_state(Arc::clone(services), guard::same_origin))
        .layer(from_fn_with_state(Arc::clone(services), guard::headers))
        .with_state(Arc::clone(services));
    assets::routes().layer(from_fn(guard::asset_headers)).merge(pages)
}

/// Pages about senders, their alerts and the audit trail.
fn senders() -> Router<Arc<Services>> {
    Router::new()
        .route("/", get(overview::show))
        .route("/changes", get(overview::changes))
        .route("/restricted", get(restricted::list))
        .route("/restricted.csv", get(restricted::export))
        .route("/restricted/{entity}", get(entity::details))
        .route("/restrict", get(restricted::ask_restrict).post(restricted::restrict))
        .route("/unblock", post(unblock::step))
        .route("/unblocked", get(unblock::done))
        .route("/unblocked/undo", post(unblock::undo))
        .route("/accounts", get(accounts::find))
        .route("/accounts/suggestions", get(accounts::suggest))
        .route("/alerts", get(alerts::list))
        .route("/alerts/{reference}", get(alerts::details).post(alerts::note))
        .route("/audit", get(audit::list))
        .route("/audit.csv", get(audit::export))
}

/// Pages about outbound policies, allowances and alert policies.
fn rules() -> Router<Arc<Services>> {
    Router::new()
        .route("/policies", get(policies::list).post(policies::save))
        .route("/policies/new", get(policies::new))
        .route("/policies/preview", post(policies::preview))
        .route("/policies/{name}", get(policies::edit))
        .route("/policies/{name}/move", post(policies::reorder))
        .route("/policies/{name}/remove", post(policies::remove))
        .route("/allowances", post(policies::grant))
        .route("/allowances/{entity}/end", post(policies::end_allowance))
        .route("/alert-policies", get(alerts::policies).post(alerts::add_policy))
        .route("/alert-policies/{name}", get(alerts::policy).post(alerts::save_policy))
        .route("/alert-policies/{name}/test", post(alerts::test_policy))
        .route("/alert-policies/{name}/remove", post(alerts::remove_policy))
}

/// Settings, access and sign-in, and the page behind the link in a refusal.
fn access() -> Router<Arc<Services>> {
    Router::new()
        .route("/settings", get(settings::show))
        .route("/settings/check", get(settings::check))
        .route("/settings/powershell.zip", get(powershell::module))
        .route("/settings/organizations", post(organizations::add))
        .route("/settings/organizations/new", get(organizations::new))
        .route("/settings/organizations/{id}", get(organizations::edit).post(organizations::change))
        .route("/settings/organizations/{id}/remove", post(organizations::remove))
        .route("/settings/people", post(settings::invite))
        .route("/settings/people/{address}", post(settings::person))
        .route("/settings/tokens", post(settings::add_token))
        .route("/settings/tokens/{name}/revoke", post(settings::revoke_token))
        .route("/settings/sessions/{id}/end", post(settings::end_session))
        .route("/sign-in", get(sign_in::show).post(sign_in::by_password))
        .route("/sign-in/code", get(sign_in::ask_code).post(sign_in::by_code))
        .route("/sign-out", post(sign_in::out))
        .route("/sign-up/{token}", get(sign_up::show).post(sign_up::accept))
        .route("/settings/sign-in", get(own_sign_in::show))
        .route("/settings/sign-in/password", post(own_sign_in::change_password))
        .route("/settings/sign-in/app", get(own_sign_in::new_app).post(own_sign_in::enrol_app))
        .route("/settings/sign-in/app/remove", post(own_sign_in::remove_app))
        .route("/settings/sign-in/recovery-codes", post(own_sign_in::recovery_codes))
        .route("/settings/sign-in/passkeys/{id}/remove", post(own_sign_in::remove_passkey))
        .route("/settings/sign-in/sessions/{id}/end", post(own_sign_in::end_session))
        .route("/why/{reference}/{signature}", get(why::show))
}

/// Passkeys: signing in with one, and adding one.
#[cfg(feature = "passkeys")]
fn by_passkey() -> Router<Arc<Services>> {
    Router::new()
        .route("/sign-in/passkey/begin", post(passkeys::begin_sign_in))
        .route("/sign-in/passkey", post(passkeys::finish_sign_in))
        .route("/settings/sign-in/passkeys/begin", post(passkeys::begin_registration))
        .route("/settings/sign-in/passkeys", post(passkeys::finish_registration))
}

#[cfg(not(feature = "passkeys"))]
fn by_passkey() -> Router<Arc<Services>> {
    Router::new()
}

/// The routes of single sign-on.
#[cfg(feature = "single-sign-on")]
fn by_provider() -> Router<Arc<Services>> {
    Router::new()
        .route("/sign-in/single-sign-on", get(single_sign_on::begin))
        .route(postern_services::sign_in::CALLBACK, get(single_sign_on::finish))
}

#[cfg(not(feature = "single-sign-on"))]
fn by_provider() -> Router<Arc<Services>> {
    Router::new()
}

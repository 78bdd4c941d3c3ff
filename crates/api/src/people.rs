//! People and sessions over HTTP.

use std::sync::Arc;

use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Body, Failed, Path, Refusals};
use super::types::{InviteRequest, Person, PersonRequest, SessionView, SignUpLink};
use super::{Created, Reply, created, replies, reply};
use postern_services::service::Services;

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(people, invite))
        .routes(routes!(change, remove))
        .routes(routes!(reset))
        .routes(routes!(sessions))
        .routes(routes!(revoke))
}

#[utoipa::path(
    get,
    path = "/api/v1/people",
    tag = "Access",
    summary = "List people who may sign in",
    responses((status = 200, body = Vec<Person>), Refusals)
)]
async fn people(Call { services, caller }: Call) -> Reply<Vec<Person>> {
    replies(services.access.people(&caller).await)
}

#[utoipa::path(
    post,
    path = "/api/v1/people",
    tag = "Access",
    summary = "Invite a person; the sign-up link is shown only once",
    request_body = InviteRequest,
    responses((status = 201, body = SignUpLink), Refusals)
)]
async fn invite(Call { services, caller }: Call, Body(request): Body<InviteRequest>) -> Created<SignUpLink> {
    created(services.access.invite(&caller, &request.into()).await)
}

#[utoipa::path(
    patch,
    path = "/api/v1/people/{address}",
    tag = "Access",
    summary = "Change a person's role, or disable or enable the person; takes effect with their next request",
    params(("address" = String, Path, description = "The person's mail address")),
    request_body = PersonRequest,
    responses((status = 200, body = Person), Refusals)
)]
async fn change(
    Call { services, caller }: Call,
    Path(address): Path<String>,
    Body(request): Body<PersonRequest>,
) -> Reply<Person> {
    reply(services.access.change_person(&caller, &address, &request.into()).await)
}

#[utoipa::path(
    delete,
    path = "/api/v1/people/{address}",
    tag = "Access",
    summary = "Remove a person; all their sessions end immediately",
    params(("address" = String, Path, description = "The person's mail address")),
    responses((status = 204), Refusals)
)]
async fn remove(Call { services, caller }: Call, Path(address): Path<String>) -> Result<StatusCode, Failed> {
    services.access.remove_person(&caller, &address).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/people/{address}/reset",
    tag = "Access",
    summary = "Create a new sign-up link for a person who can't sign in; it is shown only once",
    params(("address" = String, Path, description = "The person's mail address")),
    responses((status = 201, body = SignUpLink), Refusals)
)]
async fn reset(Call { services, caller }: Call, Path(address): Path<String>) -> Created<SignUpLink> {
    created(services.access.reset_person(&caller, &address).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "Access",
    summary = "List sessions: all of them for callers who manage access, otherwise the caller's own",
    responses((status = 200, body = Vec<SessionView>), Refusals)
)]
async fn sessions(Call { services, caller }: Call) -> Reply<Vec<SessionView>> {
    replies(services.access.sessions(&caller).await)
}

#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    tag = "Access",
    summary = "End a session immediately",
    params(("id" = String, Path, description = "The session's ID")),
    responses((status = 204), Refusals)
)]
async fn revoke(Call { services, caller }: Call, Path(id): Path<String>) -> Result<StatusCode, Failed> {
    services.access.revoke_session(&caller, &id).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}

//! People and sessions over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use postern_domain::access::Person;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Reply;
use super::call::Call;
use super::problem::{Body, Failed, Path, Refusals};
use postern_services::service::Services;
use postern_services::service::access::{InviteRequest, PersonRequest, SessionView, SignUpLink};

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
    services.access.people(&caller).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/people",
    tag = "Access",
    summary = "Invite somebody; the sign-up link is shown once",
    request_body = InviteRequest,
    responses((status = 201, body = SignUpLink), Refusals)
)]
async fn invite(
    Call { services, caller }: Call,
    Body(request): Body<InviteRequest>,
) -> Result<impl IntoResponse, Failed> {
    services.access.invite(&caller, &request).await.map(|made| (StatusCode::CREATED, Json(made))).map_err(Failed)
}

#[utoipa::path(
    patch,
    path = "/api/v1/people/{address}",
    tag = "Access",
    summary = "Change a person's role, disable or enable them; in force with their next request",
    params(("address" = String, Path, description = "The person's mail address")),
    request_body = PersonRequest,
    responses((status = 200, body = Person), Refusals)
)]
async fn change(
    Call { services, caller }: Call,
    Path(address): Path<String>,
    Body(request): Body<PersonRequest>,
) -> Reply<Person> {
    services.access.change_person(&caller, &address, &request).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    delete,
    path = "/api/v1/people/{address}",
    tag = "Access",
    summary = "Remove a person; they are signed out everywhere at once",
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
    summary = "Make a new sign-up link for a person who can't get in; it is shown once",
    params(("address" = String, Path, description = "The person's mail address")),
    responses((status = 201, body = SignUpLink), Refusals)
)]
async fn reset(Call { services, caller }: Call, Path(address): Path<String>) -> Result<impl IntoResponse, Failed> {
    services.access.reset_person(&caller, &address).await.map(|made| (StatusCode::CREATED, Json(made))).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "Access",
    summary = "List sessions: everybody's for those who manage access, otherwise one's own",
    responses((status = 200, body = Vec<SessionView>), Refusals)
)]
async fn sessions(Call { services, caller }: Call) -> Reply<Vec<SessionView>> {
    services.access.sessions(&caller).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{id}",
    tag = "Access",
    summary = "End a session at once",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204), Refusals)
)]
async fn revoke(Call { services, caller }: Call, Path(id): Path<String>) -> Result<StatusCode, Failed> {
    services.access.revoke_session(&caller, &id).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}

//! Cmdlets over the API, for `postern cmdlet`.

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Body, Failed, Refusals, problem};
use postern_cmdlets::{CmdletError, Object, run};

pub(super) fn routes() -> OpenApiRouter<std::sync::Arc<postern_services::service::Services>> {
    OpenApiRouter::new().routes(routes!(invoke))
}

/// The result of a cmdlet.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CmdletResult {
    /// Objects, with the properties that the docs list for the cmdlet.
    #[schema(value_type = Vec<Object>)]
    value: Vec<Object>,
    /// Warnings, for people to read.
    warnings: Vec<String>,
}

#[utoipa::path(
    post,
    path = "/api/v1/cmdlets/{name}",
    tag = "Cmdlets",
    summary = "Run a cmdlet, one of Exchange's or one of Postern's own",
    params(("name" = String, Path, description = "The cmdlet's name, such as Get-BlockedSenderAddress")),
    request_body(content = Object, description = "Parameters by name"),
    responses((status = 200, body = CmdletResult), Refusals)
)]
async fn invoke(
    Call { services, caller }: Call,
    Path(name): Path<String>,
    Body(parameters): Body<Map<String, Value>>,
) -> Result<Response, Failed> {
    Ok(match run(&services, &caller, &name, &parameters).await {
        Ok(returned) => Json(CmdletResult { value: returned.objects, warnings: returned.warnings }).into_response(),
        Err(error) => refused(&error),
    })
}

fn refused(error: &CmdletError) -> Response {
    // Exchange's "bad request" is the API's "content that can't be processed".
    let status = match error.status {
        400 => StatusCode::UNPROCESSABLE_ENTITY,
        other => StatusCode::from_u16(other).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
    };
    problem(status, error.message.clone(), Some(error.target.clone()))
}

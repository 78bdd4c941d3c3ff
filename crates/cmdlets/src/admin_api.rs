//! The admin API of Exchange's management module: `InvokeCommand` and the requests that clients make besides.
//!
//! Source: `docs/exchange.md` describes what clients send and read.

use std::io::Write;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Asked, Wanted, error_body, refusal};
use super::{CmdletError, table, token};
use postern_services::service::{Caller, Services};

/// Objects per page, unless the client specifies it.
const PAGE: usize = 1000;
/// Most requests in one batch; Exchange's clients send 10 to 25.
const BATCH: usize = 100;
/// The API versions that Exchange's clients use in addresses.
const VERSIONS: [&str; 3] = ["beta", "v1.0", "v2.0"];
/// Smaller responses, in bytes, are sent uncompressed.
const COMPRESS_FROM: usize = 1024;

/// The routes of the admin API, for callers with a token, and the route that issues the token.
pub fn routes(services: &Arc<Services>) -> Router {
    let named = axum::middleware::from_fn_with_state(Arc::clone(services), name_caller);
    let wire = Router::new()
        .route("/adminapi/{version}/{tenant}/InvokeCommand", post(invoke))
        .route("/adminapi/{version}/{tenant}/$batch", post(batch))
        .route("/adminapi/{version}/{tenant}/EXOModuleFile", get(module_file))
        .route("/adminapi/{version}/{tenant}/EXOBanner('AutogenSession')", get(banner))
        .route("/adminapi/{version}/{tenant}", get(entity_sets))
        .layer(axum::middleware::from_fn(compressed))
        .layer(axum::middleware::from_fn(known_version))
        .layer(named)
        .with_state(Arc::clone(services));
    // OAuth 2.0 client credentials (RFC 6749 section 4.4).
    wire.merge(Router::new().route("/{tenant}/oauth2/v2.0/token", post(token::give)).with_state(Arc::clone(services)))
}

/// Identifies the caller by the token, or answers 401.
async fn name_caller(State(services): State<Arc<Services>>, mut request: Request, next: Next) -> Response {
    let found = match crate::bearer::bearer(request.headers()) {
        Some(token) => services.tokens.holder(token).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(caller)) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Ok(None) => refusal(&CmdletError::unauthorized()),
        Err(error) => refusal(&CmdletError::services(&error, "", "", "")),
    }
}

/// Answers 404 for an API version that does not exist.
async fn known_version(parameters: RawPathParams, request: Request, next: Next) -> Response {
    let version = parameters.iter().find(|(name, _)| *name == "version").map_or("", |(_, version)| version);
    if VERSIONS.contains(&version) {
        return next.run(request).await;
    }
    let versions = VERSIONS.join(", ");
    let why = format!("There is no version '{version}' of this address; it is one of {versions}.");
    refusal(&CmdletError::no_version(version, why))
}

/// Reads the page size from `Prefer: odata.maxpagesize=1000`, which may stand among others and with spaces (RFC
/// 7240).
fn page_size(headers: &HeaderMap) -> usize {
    let prefer = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let size = prefer.flat_map(|value| value.split([';', ','])).find_map(|preference| {
        let (name, value) = preference.split_once('=')?;
        let named = ["odata.maxpagesize", "maxpagesize"].contains(&name.trim().to_ascii_lowercase().as_str());
        named.then(|| value.trim().trim_matches('"').parse::<usize>().ok()).flatten()
    });
    size.unwrap_or(PAGE).clamp(1, 10_000)
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "CmdletInput")]
    input: Input,
}

#[derive(Debug, Deserialize)]
struct Input {
    #[serde(rename = "CmdletName")]
    name: String,
    #[serde(default, rename = "Parameters")]
    parameters: Option<Map<String, Value>>,
}

async fn invoke(
    State(services): State<Arc<Services>>,
    axum::Extension(caller): axum::Extension<Caller>,
    Path((version, tenant)): Path<(String, String)>,
    Query(query): Query<Wanted>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = format!("/adminapi/{version}/{tenant}/InvokeCommand");
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refusal(&not_json(&error)),
    };
    let asked = Asked { path, tenant: &tenant, query, page_size: page_size(&headers) };
    match answer(&services, &caller, &asked, &base(&services, &headers), &body).await {
        Ok(body) => Json(body).into_response(),
        Err(error) => refusal(&error),
    }
}

/// The base address of links: the portal's public address, or the address of the request.
fn base(services: &Services, headers: &HeaderMap) -> String {
    let settings = services.settings.load();
    let asked = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(|host| format!("http://{host}"));
    settings.portal.url.clone().or(asked).unwrap_or_else(|| settings.portal.base_url())
}

fn not_json(error: &serde_json::Error) -> CmdletError {
    CmdletError::parameter("CmdletInput", format!("The request is not valid for InvokeCommand: {error}."))
}

/// A page of a tenant's objects.
async fn answer(
    services: &Services,
    caller: &Caller,
    asked: &Asked<'_>,
    base: &str,
    body: &Value,
) -> Result<Answer, CmdletError> {
    let envelope = Envelope::deserialize(body).map_err(|error| not_json(&error))?;
    let caller = in_tenant(services, caller, asked.tenant)?;
    let parameters = envelope.input.parameters.unwrap_or_default();
    let returned = super::run(services, &caller, &envelope.input.name, &parameters).await?;
    Ok(Answer::page(returned, asked, base))
}

/// Limits the caller to a tenant: an organization by its ID or by one of its domains. One that the caller does not
/// look after is treated as if it did not exist.
fn in_tenant(services: &Services, caller: &Caller, tenant: &str) -> Result<Caller, CmdletError> {
    let known = services.organizations.list(caller).unwrap_or_default();
    let is_it = |one: &&postern_services::service::OrganizationRecord| {
        let guid = super::object::guid("tenant", &one.id, one.id.as_str());
        one.id.as_str().eq_ignore_ascii_case(tenant)
            || guid.eq_ignore_ascii_case(tenant)
            || one.domains.iter().any(|domain| domain.eq_ignore_ascii_case(tenant))
    };
    match known.iter().find(is_it) {
        Some(one) => Ok(Caller { organization: Some(one.id.clone()), ..caller.clone() }),
        None => Err(CmdletError::missing(tenant, "this server")),
    }
}

#[derive(Debug, Deserialize)]
struct Batch {
    requests: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    id: Value,
    #[serde(default)]
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    body: Value,
}

/// Several requests in one, each with an answer of its own (OData JSON batch).
async fn batch(
    State(services): State<Arc<Services>>,
    axum::Extension(caller): axum::Extension<Caller>,
    Path((version, tenant)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parts = match serde_json::from_slice::<Batch>(&body) {
        Ok(batch) if batch.requests.len() <= BATCH => batch.requests,
        Ok(batch) => {
            let why = format!("The batch has {} requests, at most {BATCH} are taken.", batch.requests.len());
            return refusal(&CmdletError::parameter("requests", why));
        }
        Err(error) => return refusal(&not_json(&error)),
    };
    let base = base(&services, &headers);
    let mut responses = Vec::new();
    for part in &parts {
        // The link to a next page is a complete address; of any other address only the part after the `?` is used.
        let query = part.url.split_once('?').map_or("", |(_, query)| query);
        let prefer = part.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        let prefer = prefer.and_then(|(_, value)| HeaderValue::from_str(value.as_str()?).ok());
        let own = HeaderMap::from_iter(prefer.map(|value| (header::HeaderName::from_static("prefer"), value)));
        let asked = Asked {
            path: format!("/adminapi/{version}/{tenant}/InvokeCommand"),
            tenant: &tenant,
            query: serde_html_form::from_str(query).unwrap_or_default(),
            page_size: page_size(if own.is_empty() { &headers } else { &own }),
        };
        let (status, body) = match answer(&services, &caller, &asked, &base, &part.body).await {
            Ok(body) => (200, json!(body)),
            Err(error) => (error.status, error_body(&error)),
        };
        let headers = json!({ "Content-Type": "application/json" });
        responses.push(json!({ "id": part.id, "status": status, "headers": headers, "body": body }));
    }
    Json(json!({ "responses": responses })).into_response()
}

/// The cmdlets that the caller may run, which the module requests before it creates its functions.
async fn module_file(
    State(services): State<Arc<Services>>,
    axum::Extension(caller): axum::Extension<Caller>,
    Path((_, tenant)): Path<(String, String)>,
) -> Response {
    use postern_domain::access::Permission;
    if let Err(error) = in_tenant(&services, &caller, &tenant) {
        return refusal(&error);
    }
    let manages = caller.role.is_some_and(|role| role.may(Permission::Manage));
    let names: Vec<_> = table::all()
        .iter()
        .filter(|cmdlet| manages || cmdlet.needs == table::Needs::Look)
        .map(|cmdlet| cmdlet.name.as_str())
        .collect();
    Json(json!({ "value": [{ "exportedCmdlets": names.join(",") }] })).into_response()
}

/// The address of the cmdlets for alerts, which is the same one.
async fn banner(State(services): State<Arc<Services>>, request: Request) -> Response {
    let base = base(&services, request.headers());
    (StatusCode::FOUND, [(header::LOCATION, format!("{base}{}", request.uri()))]).into_response()
}

/// The entity sets, the tenant's ID for clients that need a GUID, its name, and the server's version.
async fn entity_sets(
    State(services): State<Arc<Services>>,
    axum::Extension(caller): axum::Extension<Caller>,
    Path((version, tenant)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let id = match in_tenant(&services, &caller, &tenant) {
        Ok(caller) => caller.organization.unwrap_or_else(postern_domain::OrganizationId::first),
        Err(error) => return refusal(&error),
    };
    let context = format!("{}/adminapi/{version}/{tenant}/$metadata", base(&services, &headers));
    let value = json!([{ "name": "InvokeCommand", "kind": "Singleton", "url": "InvokeCommand" }]);
    let guid = super::object::guid("tenant", &id, id.as_str());
    let settings = services.settings.load();
    let name = settings.organization(&id).map(|known| known.name.clone());
    Json(json!({
        "@odata.context": context,
        "tenantId": guid,
        "organization": id,
        "organizationName": name,
        "version": env!("CARGO_PKG_VERSION"),
        "value": value,
    }))
    .into_response()
}

/// Compresses responses that are large enough, for clients that accept it (RFC 9110 section 8.4.1).
async fn compressed(request: Request, next: Next) -> Response {
    let takes = request.headers().get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes = takes.is_some_and(|value| value.split(',').any(|one| one.trim().starts_with("gzip")));
    let response = next.run(request).await;
    if !takes {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(plain) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if plain.len() < COMPRESS_FROM {
        return Response::from_parts(parts, Body::from(plain));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    match encoder.write_all(&plain).and_then(|()| encoder.finish()) {
        Ok(small) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(parts, Body::from(small))
        }
        Err(_) => Response::from_parts(parts, Body::from(plain)),
    }
}

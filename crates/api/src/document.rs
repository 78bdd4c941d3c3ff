//! The API's description: OpenAPI 3.1, generated from the code, and a page that shows it.

use askama::Template;
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, Info, ObjectBuilder, OpenApi, OpenApiBuilder, RefOr, Required};

/// Documents on every operation the header that limits it to one organization, and on every POST the
/// `Idempotency-Key` header.
pub(super) fn with_headers(mut document: OpenApi) -> OpenApi {
    let about = "A second POST with the same key within a day returns the first answer and changes nothing";
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema.build()))
        .build();
    let organization = ParameterBuilder::new()
        .name("Postern-Organization")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Limits the call to this organization, one of those that the caller manages"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).examples(["default"]).build()))
        .build();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().filter_map(Option::as_mut) {
            operation.parameters.get_or_insert_default().push(RefOr::T(organization.clone()));
        }
    }
    for operation in document.paths.paths.values_mut().filter_map(|item| item.post.as_mut()) {
        operation.parameters.get_or_insert_default().push(RefOr::T(parameter.clone()));
    }
    document
}

/// The part of the description that comes before the operations.
pub(super) fn about() -> OpenApi {
    let mut info = Info::new("Postern", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Everything that an admin may do or see. Callers hold an API token (`postern token add`), sent as `Authorization: Bearer`; \
         on the admin socket they are who they are on this machine. Times are RFC 3339 in UTC. Errors are problem \
         details (RFC 9457)."
            .into(),
    );
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API token")).build();
    let mut components = Components::new();
    components.add_security_scheme("token", SecurityScheme::Http(token));
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new("token", Vec::<String>::new())]))
        .build()
}

/// Serves the description as JSON and as a page. It reveals nothing about anyone and needs no token.
pub(super) fn routes(document: OpenApi) -> Router {
    let page = Page { operations: operations(&document), version: env!("CARGO_PKG_VERSION") };
    let page = page.render().unwrap_or_default();
    Router::new()
        .route("/api/openapi.json", get(async move || Json(document)))
        .route("/api", get(async move || Html(page)))
}

#[derive(Template)]
#[template(path = "api.html")]
struct Page {
    operations: Vec<(String, Vec<Row>)>,
    version: &'static str,
}

struct Row {
    method: &'static str,
    path: String,
    summary: String,
    parameters: Vec<(String, String)>,
    body: bool,
}

/// Operations grouped by tag, in the order of the routes.
fn operations(document: &OpenApi) -> Vec<(String, Vec<Row>)> {
    let mut groups: Vec<(String, Vec<Row>)> = Vec::new();
    for (path, item) in &document.paths.paths {
        let methods = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, operation) in methods.into_iter().filter_map(|(m, o)| o.as_ref().map(|o| (m, o))) {
            let tag = operation.tags.as_ref().and_then(|tags| tags.first().cloned()).unwrap_or_default();
            let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            });
            let row = Row {
                method,
                path: path.clone(),
                summary: operation.summary.clone().unwrap_or_default(),
                parameters: parameters.map(|p| (p.name.clone(), p.description.clone().unwrap_or_default())).collect(),
                body: operation.request_body.is_some(),
            };
            match groups.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((tag, vec![row])),
            }
        }
    }
    groups
}

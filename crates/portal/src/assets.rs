//! Styles and scripts, built into the binary. Their addresses contain a hash of their content, so that browsers may
//! cache them indefinitely.

use std::sync::LazyLock;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use postern_services::service::hex;
use sha2::{Digest, Sha256};

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Each asset's name, type and content. Scripts import each other by these names.
const ASSETS: [(&str, &str, &str); 6] = [
    ("portal.css", CSS, include_str!("../assets/portal.css")),
    ("portal.js", JAVASCRIPT, include_str!("../assets/portal.js")),
    ("common.js", JAVASCRIPT, include_str!("../assets/common.js")),
    ("dialogs.js", JAVASCRIPT, include_str!("../assets/dialogs.js")),
    ("forms.js", JAVASCRIPT, include_str!("../assets/forms.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// A hash over all assets.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = ASSETS.iter().fold(Sha256::new(), |hash, (.., text)| hash.chain_update(text)).finalize();
    hex(&hash[..6])
});

/// The address of an asset.
pub(super) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

pub(super) fn routes() -> Router {
    Router::new()
        .route("/assets/{version}/{name}", get(asset))
        .route("/favicon.ico", get(async || (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, address("icon.svg"))])))
}

async fn asset(axum::extract::Path((_, name)): axum::extract::Path<(String, String)>) -> Response {
    let Some((_, kind, text)) = ASSETS.into_iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let forever = "public, max-age=31536000, immutable";
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, forever)], text).into_response()
}

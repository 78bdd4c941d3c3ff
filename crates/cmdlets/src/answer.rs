//! Responses in the shape that Exchange's clients read: pages of objects, and errors.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{CmdletError, Object, Returned};

/// One request: the tenant, the path and query, and the page size.
pub(super) struct Asked<'a> {
    /// The path of `InvokeCommand`.
    pub(super) path: String,
    pub(super) tenant: &'a str,
    pub(super) query: Wanted,
    /// Most objects on one page.
    pub(super) page_size: usize,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Wanted {
    #[serde(default, rename = "$select")]
    select: String,
    #[serde(default, rename = "$skiptoken")]
    skip: String,
}

impl Wanted {
    fn properties(&self) -> Vec<String> {
        self.select.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    }
}

/// The body of InvokeCommand's response.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    #[serde(rename = "@odata.context")]
    context: String,
    #[serde(rename = "@adminapi.warnings", skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    value: Vec<Object>,
    #[serde(rename = "@odata.nextLink", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl Answer {
    /// The requested page of the objects that were returned; links begin with `base`.
    pub(super) fn page(returned: Returned, asked: &Asked<'_>, base: &str) -> Self {
        let select = asked.query.properties();
        let all = returned.objects;
        let begin = Skip::read(&asked.query.skip).begin(&all);
        let end = begin.saturating_add(asked.page_size).min(all.len());
        let next = (end < all.len()).then(|| {
            let mut query = vec![("$skiptoken", Skip::before(&all, end).write())];
            if !asked.query.select.is_empty() {
                query.push(("$select", asked.query.select.clone()));
            }
            format!("{base}{}?{}", asked.path, serde_html_form::to_string(&query).unwrap_or_default())
        });
        let objects = all.into_iter().skip(begin).take(end - begin);
        let context = asked.path.trim_end_matches("/InvokeCommand");
        Self {
            context: format!("{base}{context}/$metadata#Collection(Exchange.GenericHashTable)"),
            warnings: returned.warnings,
            value: objects.map(|object| object.select(&select)).collect(),
            next,
        }
    }
}

/// Where a page begins.
enum Skip {
    /// After this many objects.
    Count(usize),
    /// After this key, or where it would be if its object no longer exists.
    Key(String),
}

impl Skip {
    fn read(token: &str) -> Self {
        let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
        match text.split_at_checked(1) {
            Some(("k", key)) => Skip::Key(key.to_owned()),
            Some((_, count)) => Skip::Count(count.parse().unwrap_or(0)),
            None => Skip::Count(0),
        }
    }

    /// The token for the page that begins at index `at`: by key if the list is in the order of its keys.
    fn before(all: &[Object], at: usize) -> Self {
        let in_order = all.windows(2).all(|two| two[0].key() < two[1].key());
        match all.get(at.saturating_sub(1)) {
            Some(last) if in_order => Skip::Key(last.key().to_owned()),
            _ => Skip::Count(at),
        }
    }

    fn write(&self) -> String {
        match self {
            Skip::Key(key) => URL_SAFE_NO_PAD.encode(format!("k{key}")),
            Skip::Count(count) => URL_SAFE_NO_PAD.encode(format!("n{count}")),
        }
    }

    fn begin(&self, all: &[Object]) -> usize {
        match self {
            Skip::Count(count) => (*count).min(all.len()),
            Skip::Key(key) => all.partition_point(|object| object.key() <= key.as_str()),
        }
    }
}

/// An error in the shape that clients read: first `error.details`, then `error.innererror`, then
/// `error.message`.
pub(super) fn error_body(error: &CmdletError) -> Value {
    let CmdletError { code, exception, message, target, .. } = error;
    json!({
        "error": {
            "code": code,
            "message": message,
            "details": [{ "code": "Context", "target": target, "message": format!("|{exception}|{message}") }],
            "innererror": {
                "message": message,
                "type": exception,
                "internalException": { "message": message, "type": exception },
            },
        }
    })
}

pub(super) fn refusal(error: &CmdletError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(error_body(error))).into_response()
}

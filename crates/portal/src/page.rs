//! What all pages share: the frame around them, paged lists, and error pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_domain::access::Permission;

use super::refusal::Refusal;
use super::session::Signed;
use super::{assets, texts};
use postern_services::service::{ServiceError, Services};

/// The frame around a page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// The organization's name.
    pub(super) organization: String,
    /// The title of the page.
    pub(super) title: String,
    /// Who is signed in: address and role.
    pub(super) person: Option<(String, String)>,
    /// The token that forms must send back.
    pub(super) csrf: String,
    /// A message about what was just done.
    pub(super) notice: Option<String>,
    /// The menu entry that this page belongs to.
    place: &'static str,
    /// Whether the page offers actions.
    pub(super) may_manage: bool,
}

/// The menu: each entry's address and the name of its text.
const MENU: [(&str, &str); 8] = [
    ("/", "overview-title"),
    ("/restricted", "restricted-title"),
    ("/alerts", "alerts-title"),
    ("/accounts", "accounts-title"),
    ("/policies", "policies-title"),
    ("/alert-policies", "alert-policies-title"),
    ("/audit", "audit-title"),
    ("/settings", "settings-title"),
];

impl Frame {
    /// A frame for a visitor who is not signed in.
    pub(super) fn open(services: &Services, title: &str) -> Self {
        Self {
            organization: services.settings.load().organization.name.clone(),
            title: texts::t(title),
            person: None,
            csrf: String::new(),
            notice: None,
            place: "",
            may_manage: false,
        }
    }

    /// A frame for a person who is signed in.
    pub(super) fn signed(services: &Services, title: &str, signed: &Signed) -> Self {
        let role = signed.caller.role.map(|role| role.to_string()).unwrap_or_default();
        Self {
            person: Some((signed.caller.name.clone(), role)),
            csrf: signed.csrf.clone(),
            notice: signed.notice.clone(),
            may_manage: signed.caller.role.is_some_and(|role| role.may(Permission::Manage)),
            ..Self::open(services, title)
        }
    }

    /// Marks `place` as the current entry of the menu.
    pub(super) fn at(self, place: &'static str) -> Self {
        Self { place, ..self }
    }

    /// The menu's entries: address, name, and whether it is the current one.
    pub(super) fn menu(&self) -> Vec<(&'static str, String, bool)> {
        MENU.iter().map(|(address, name)| (*address, texts::t(name), *address == self.place)).collect()
    }

    pub(super) fn address(&self) -> &str {
        self.person.as_ref().map_or("", |(address, _)| address)
    }

    pub(super) fn style(&self) -> String {
        assets::address("portal.css")
    }

    pub(super) fn script(&self) -> String {
        assets::address("portal.js")
    }

    pub(super) fn icon(&self) -> String {
        assets::address("icon.svg")
    }
}

/// Position in a paged list.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    page: u32,
    size: u32,
    total: u64,
    filters: String,
}

impl Pages {
    /// `page` counts from 1; `filters` are carried over to the addresses of the other pages.
    pub(super) fn new(page: Option<u32>, total: u64, size: u32, filters: &[(&str, &str)]) -> Self {
        let stored: Vec<_> = filters.iter().filter(|(_, value)| !value.is_empty()).collect();
        let filters = serde_html_form::to_string(&stored).unwrap_or_default();
        let mut pages = Self { page: 1, size, total, filters };
        pages.page = page.unwrap_or(1).clamp(1, pages.last());
        pages
    }

    fn last(&self) -> u32 {
        u32::try_from(self.total.div_ceil(u64::from(self.size))).unwrap_or(u32::MAX).max(1)
    }

    /// Number of rows before this page.
    pub(super) fn skip(&self) -> u32 {
        (self.page - 1).saturating_mul(self.size)
    }

    /// The filters as a query string.
    pub(super) fn query(&self) -> &str {
        &self.filters
    }

    /// `1 to 50 of 132`
    pub(super) fn summary(&self) -> String {
        let first = u64::from(self.skip()) + 1;
        let last = (u64::from(self.skip()) + u64::from(self.size)).min(self.total);
        let numbers = [("first", first.into()), ("last", last.into()), ("total", self.total.into())];
        if self.total == 0 { String::new() } else { texts::tn("pages-summary", &numbers) }
    }

    fn address(&self, page: u32) -> String {
        let filters = if self.filters.is_empty() { String::new() } else { format!("{}&", self.filters) };
        format!("?{filters}page={page}")
    }

    pub(super) fn previous(&self) -> Option<String> {
        (self.page > 1).then(|| self.address(self.page - 1))
    }

    pub(super) fn next(&self) -> Option<String> {
        (self.page < self.last()).then(|| self.address(self.page + 1))
    }
}

/// A page of a list, and the length of the whole list. `list` takes the number of rows to skip; `count` is awaited
/// only if the page alone does not reveal the length.
pub(super) async fn listed<T, E, L: Future<Output = Result<Vec<T>, E>>>(
    page: Option<u32>,
    size: u32,
    list: impl Fn(u32) -> L,
    count: impl Future<Output = Result<u64, E>>,
) -> Result<(Vec<T>, u64), E> {
    let skip = (page.unwrap_or(1).max(1) - 1).saturating_mul(size);
    let rows = list(skip).await?;
    let seen = u64::try_from(rows.len()).unwrap_or(u64::MAX);
    if seen < u64::from(size) && (seen > 0 || skip == 0) {
        return Ok((rows, u64::from(skip) + seen));
    }
    let total = count.await?;
    // A page number past the end gives the last page.
    let last = Pages::new(page, total, size, &[]).skip();
    let rows = if last == skip { rows } else { list(last).await? };
    Ok((rows, total))
}

/// The search text that was typed; none if it is blank.
pub(super) fn searched(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The entries that were typed, one per line or separated by commas or semicolons.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.split(['\n', ',', ';']).map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    heading: String,
    text: String,
}

/// Turns every refusal into a page.
pub(super) async fn refusals(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Arc<Refusal>>() {
        Some(refusal) => page_of(&refusal, &services),
        None => response,
    }
}

/// The response that a person sees for a refusal.
fn page_of(refusal: &Refusal, services: &Services) -> Response {
    let sign_in = |how: &str, next: &str| {
        let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
        Redirect::to(&format!("/sign-in?{how}next={next}")).into_response()
    };
    let (status, text) = match refusal {
        Refusal::SignIn { next } => return sign_in("", next),
        Refusal::Recheck { next } => {
            let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
            return Redirect::to(&format!("/sign-in/single-sign-on?next={next}")).into_response();
        }
        Refusal::Again { next } => return sign_in("again=1&", next),
        Refusal::Form => (StatusCode::FORBIDDEN, texts::t("error-form")),
        Refusal::Services(error) => (status_of(error), error.to_string()),
        Refusal::Unknown(error) => {
            tracing::error!(error, "a page can't be made");
            (StatusCode::SERVICE_UNAVAILABLE, texts::t("error-unknown"))
        }
    };
    failed(Frame::open(services, "error-title"), status, text)
}

/// The HTTP status for a service's refusal.
pub(super) fn status_of(error: &ServiceError) -> StatusCode {
    match error {
        ServiceError::Forbidden { .. } => StatusCode::FORBIDDEN,
        ServiceError::NotFound(_) => StatusCode::NOT_FOUND,
        ServiceError::Conflict(_) | ServiceError::Changed(_) => StatusCode::CONFLICT,
        ServiceError::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        ServiceError::Busy(_) => StatusCode::TOO_MANY_REQUESTS,
        ServiceError::Vault(_) | ServiceError::Store(_) | ServiceError::Ledger(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// An error page with this status and text.
pub(super) fn failed(frame: Frame, status: StatusCode, text: String) -> Response {
    let heading = match status {
        StatusCode::NOT_FOUND => texts::t("error-not-found-heading"),
        StatusCode::FORBIDDEN => texts::t("error-forbidden-heading"),
        StatusCode::CONFLICT => texts::t("error-conflict-heading"),
        _ => texts::t("error-heading"),
    };
    render_as(status, &ErrorPage { frame, heading, text })
}

/// An error page for a visitor; `text` is the name of its text.
pub(super) fn error(services: &Services, status: StatusCode, text: &str) -> Response {
    failed(Frame::open(services, "error-title"), status, texts::t(text))
}

/// The page for an unknown address.
pub(super) async fn not_found(State(services): State<Arc<Services>>) -> Response {
    error(&services, StatusCode::NOT_FOUND, "error-not-found")
}

/// A page with status 200, or 500 if its template can't be rendered.
pub(super) fn render(page: &impl Template) -> Response {
    render_as(StatusCode::OK, page)
}

/// A page with the given status, or 500 if its template can't be rendered.
pub(super) fn render_as(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a template can't be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "text/plain")], "error\n").into_response()
        }
    }
}

/// The address in the portal to continue to after sign-in; never an address on another site.
pub(super) fn safe_next(next: Option<&str>) -> String {
    let ours = |next: &&str| next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    next.filter(ours).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_pages() {
        let pages = |page, total| Pages::new(page, total, 50, &[("q", "a b"), ("kind", "")]);
        let first = pages(None, 120);
        assert_eq!((first.skip(), first.previous(), first.summary()), (0, None, "1 to 50 of 120".into()));
        assert_eq!(first.next(), Some("?q=a+b&page=2".into()));
        let last = pages(Some(9), 120);
        assert_eq!((last.skip(), last.next(), last.summary()), (100, None, "101 to 120 of 120".into()));
        assert_eq!(pages(Some(0), 0).summary(), "");
    }

    #[tokio::test]
    async fn a_list_is_counted_only_where_looking_does_not_tell() {
        let ask = async |page, length: u64| {
            let counted = std::cell::Cell::new(false);
            let list = |skip: u32| async move { Ok::<_, ()>((0..length).skip(skip as usize).take(50).collect()) };
            let count = async {
                counted.set(true);
                Ok(length)
            };
            let (rows, total) = listed(page, 50, list, count).await.unwrap();
            (rows.first().copied(), rows.len(), total, counted.get())
        };
        assert_eq!(ask(None, 0).await, (None, 0, 0, false));
        assert_eq!(ask(Some(1), 7).await, (Some(0), 7, 7, false));
        assert_eq!(ask(None, 120).await, (Some(0), 50, 120, true));
        assert_eq!(ask(Some(3), 120).await, (Some(100), 20, 120, false));
        assert_eq!(ask(Some(9), 120).await, (Some(100), 20, 120, true), "behind the last one");
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        assert_eq!(safe_next(Some("/restricted?q=a")), "/restricted?q=a");
        for other in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""] {
            assert_eq!(safe_next(Some(other)), "/");
        }
        assert_eq!(safe_next(None), "/");
    }
}

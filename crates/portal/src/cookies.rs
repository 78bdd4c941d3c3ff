//! Cookies besides the session's.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::AppendHeaders;
use postern_services::settings::Settings;
use tower_sessions::cookie::{Cookie, SameSite};

/// A header that sets a cookie.
pub(super) type SetCookie = AppendHeaders<[(HeaderName, String); 1]>;

/// Sets a cookie for the pages below `path`. With a time of zero, the browser forgets it.
pub(super) fn set(settings: &Settings, name: &str, value: &str, path: &str, lasts: Duration) -> SetCookie {
    let seconds = i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX);
    let cookie = Cookie::build((name, value))
        .http_only(true)
        // The single sign-on provider sends the browser back from another site.
        .same_site(SameSite::Lax)
        .secure(settings.portal.is_secure())
        .path(path)
        .max_age(time::Duration::seconds(seconds));
    AppendHeaders([(header::SET_COOKIE, cookie.to_string())])
}

/// The value of a cookie.
pub(super) fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = texts.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}

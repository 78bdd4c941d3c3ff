//! Client for a running daemon: HTTP over its admin socket, or HTTPS with a token from another machine.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use axum::http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use super::CliError;
use postern_api::{ON_BEHALF_HEADER, ORGANIZATION_HEADER, Problem, admin_socket_path};
use postern_services::https;
use postern_services::quoting::{visible, visible_lines};
use postern_services::settings::Settings;

const NOT_AS_EXPECTED: &str = "unexpected response from the daemon; is it the same version as this command?";

/// A connection to a running daemon.
#[derive(Debug)]
pub struct Client {
    way: Way,
    /// The organization that calls are limited to.
    organization: Option<String>,
    /// Whether answers are shown to people: unseen characters in them are written out.
    for_people: bool,
}

#[derive(Debug)]
enum Way {
    /// The daemon on this machine.
    Local {
        /// Path of the admin socket.
        socket: PathBuf,
    },
    /// A Postern on another machine, over HTTPS.
    Remote {
        /// Address of its portal, without a trailing slash.
        server: String,
        /// The API token.
        token: String,
    },
}

impl Client {
    /// The daemon on this machine, over its admin socket.
    pub fn local(settings: &Settings) -> Self {
        Self { way: Way::Local { socket: admin_socket_path(&settings.data) }, organization: None, for_people: true }
    }

    /// The daemon at a URL. `token_file` contains the token; without it, `POSTERN_TOKEN` does.
    pub(super) fn remote(server: &str, token_file: Option<&Path>) -> Result<Self, CliError> {
        let uri: Uri = server
            .parse()
            .ok()
            .filter(|uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some())
            .ok_or_else(|| {
                CliError::Usage(format!(
                    "--server: {server:?}: expected an address such as https://postern.example.com"
                ))
            })?;
        let loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if uri.scheme_str() == Some("http") && !loopback {
            return Err(CliError::Usage(format!("--server: {server}: the token would be sent unprotected; use https")));
        }
        let token = match token_file {
            Some(file) => std::fs::read_to_string(file)
                .with_context(|| format!("the token file {} can't be read", file.display()))?,
            None => std::env::var("POSTERN_TOKEN").map_err(|_| {
                CliError::Usage("--server needs a token: --token-file FILE, or POSTERN_TOKEN in the environment".into())
            })?,
        };
        let way = Way::Remote { server: server.trim_end_matches('/').to_owned(), token: token.trim().to_owned() };
        Ok(Self { way, organization: None, for_people: true })
    }

    /// Limits the client's calls to one organization.
    pub(super) fn of(self, organization: Option<String>) -> Self {
        Self { organization, ..self }
    }

    /// Leaves answers as they are, for programs.
    pub(super) fn for_programs(self, is: bool) -> Self {
        Self { for_people: !is, ..self }
    }

    /// Gets `path`, which is relative to the API's address.
    ///
    /// # Errors
    /// The daemon can't be reached, refuses, or answers in an unexpected form.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.call(Method::GET, path, None::<&()>).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(super) async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(super) async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), CliError> {
        self.answer(Method::DELETE, path, Vec::new()).await.map(|_| ())
    }

    pub(super) async fn post_nothing(&self, path: &str) -> Result<(), CliError> {
        self.answer(Method::POST, path, Vec::new()).await.map(|_| ())
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, CliError> {
        let body = body.map(serde_json::to_vec).transpose().context("the request can't be written as JSON")?;
        let bytes = self.answer(method, path, body.unwrap_or_default()).await?;
        if !self.for_people {
            return Ok(serde_json::from_slice(&bytes).context(NOT_AS_EXPECTED)?);
        }
        let mut answer: Value = serde_json::from_slice(&bytes).context(NOT_AS_EXPECTED)?;
        make_visible(&mut answer);
        Ok(serde_json::from_value(answer).context(NOT_AS_EXPECTED)?)
    }

    /// The body of a successful answer.
    async fn answer(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, CliError> {
        let request = Request::builder().method(method).header(header::CONTENT_TYPE, "application/json");
        let request = match &self.organization {
            Some(id) => request.header(ORGANIZATION_HEADER, id),
            None => request,
        };
        let body = Full::new(Bytes::from(body));
        let response = match &self.way {
            Way::Local { socket } => {
                let stream = UnixStream::connect(socket).await.map_err(|error| away(socket, &error))?;
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.context(NOT_AS_EXPECTED)?;
                // The connection has to be polled while the request waits for its answer.
                tokio::spawn(connection);
                let mut request = request.uri(format!("/api/v1{path}")).header(header::HOST, "localhost");
                if let Ok(user) = std::env::var("SUDO_USER") {
                    request = request.header(ON_BEHALF_HEADER, user);
                }
                sender.send_request(request.body(body).context(NOT_AS_EXPECTED)?).await.context(NOT_AS_EXPECTED)?
            }
            Way::Remote { server, token } => {
                let client = https::client().context("this machine has no trusted CA certificates")?;
                let request = request
                    .uri(format!("{server}/api/v1{path}"))
                    .header(header::AUTHORIZATION, format!("Bearer {token}"));
                let request = request.body(body).context("the token can't be sent")?;
                client.request(request).await.with_context(|| format!("{server} can't be reached"))?
            }
        };
        let status = response.status();
        let bytes = response.into_body().collect().await.context(NOT_AS_EXPECTED)?.to_bytes();
        if status.is_success() {
            return Ok(bytes);
        }
        let problem: Problem = serde_json::from_slice(&bytes).context(NOT_AS_EXPECTED)?;
        let problem = Problem { detail: visible_lines(&problem.detail).into_owned(), ..problem };
        Err(match status {
            StatusCode::NOT_FOUND => CliError::NotFound(problem.detail),
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED => CliError::Refused(problem.detail),
            StatusCode::UNPROCESSABLE_ENTITY => CliError::Usage(problem.detail),
            _ => CliError::Failed(anyhow!(problem.detail)),
        })
    }
}

/// Writes out the unseen characters of every text: strangers choose some, and a terminal would act on them.
fn make_visible(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(shown) = visible(text) {
                *text = shown;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_visible),
        Value::Object(fields) => {
            let all = std::mem::take(fields);
            fields.extend(all.into_iter().map(|(name, mut value)| {
                make_visible(&mut value);
                (visible(&name).into_owned(), value)
            }));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn away(socket: &Path, error: &io::Error) -> CliError {
    let socket = socket.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => CliError::Refused(format!(
            "no permission to use the admin socket {socket}; run this as root or as the user that postern runs as"
        )),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CliError::Failed(anyhow!(
            "postern is not running (no answer at {socket}); start it with postern serve or systemctl start postern"
        )),
        _ => CliError::Failed(anyhow!("the admin socket {socket} can't be used: {error}")),
    }
}

/// One segment of an address; it stays one segment whatever it contains.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

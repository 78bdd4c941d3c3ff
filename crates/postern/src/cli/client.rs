//! Talks to the running daemon: HTTP over its admin socket.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use axum::http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::CliError;
use crate::api::{ON_BEHALF_HEADER, Problem};
use crate::config::Settings;
use crate::serve::admin_socket_path;

/// The way to the running daemon.
#[derive(Debug)]
pub(super) struct Client {
    socket: PathBuf,
    settings: Settings,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { socket: admin_socket_path(&settings.data), settings: settings.clone() }
    }

    /// The settings the command itself read, which the daemon may not have reloaded yet.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.call(Method::GET, path, Vec::new()).await
    }

    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        let body = serde_json::to_vec(body).context("the request can't be written as JSON")?;
        self.call(Method::POST, path, body).await
    }

    pub(super) async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        let body = serde_json::to_vec(body).context("the request can't be written as JSON")?;
        self.call(Method::PATCH, path, body).await
    }

    pub(super) async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, CliError> {
        let body = serde_json::to_vec(body).context("the request can't be written as JSON")?;
        self.call(Method::PUT, path, body).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), CliError> {
        self.answer(Method::DELETE, path, Vec::new()).await.map(|_| ())
    }

    pub(super) async fn post_nothing(&self, path: &str) -> Result<(), CliError> {
        self.answer(Method::POST, path, Vec::new()).await.map(|_| ())
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>) -> Result<T, CliError> {
        let bytes = self.answer(method, path, body).await?;
        let talk = || "the daemon did not answer as expected; are its version and this one the same?";
        Ok(serde_json::from_slice(&bytes).with_context(talk)?)
    }

    /// The body of an answer that is no problem.
    async fn answer(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Bytes, CliError> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| self.away(&error))?;
        let talk = || "the daemon did not answer as expected; are its version and this one the same?";
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.with_context(talk)?;
        // The connection has to be driven while the request waits for its answer.
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("host", "localhost")
            .header("content-type", "application/json");
        if let Ok(user) = std::env::var("SUDO_USER") {
            request = request.header(ON_BEHALF_HEADER, user);
        }
        let request = request.body(Full::new(Bytes::from(body))).with_context(talk)?;
        let response = sender.send_request(request).await.with_context(talk)?;
        let status = response.status();
        let bytes = response.into_body().collect().await.with_context(talk)?.to_bytes();
        if status.is_success() {
            return Ok(bytes);
        }
        let problem: Problem = serde_json::from_slice(&bytes).with_context(talk)?;
        Err(match status {
            StatusCode::NOT_FOUND => CliError::NotFound(problem.detail),
            StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
                CliError::Refused(problem.detail)
            }
            StatusCode::UNPROCESSABLE_ENTITY => CliError::Usage(problem.detail),
            _ => CliError::Failed(anyhow!(problem.detail)),
        })
    }

    fn away(&self, error: &io::Error) -> CliError {
        let socket = self.socket.display();
        match error.kind() {
            io::ErrorKind::PermissionDenied => CliError::Refused(format!(
                "you may not use the admin socket {socket}; run this as root or as the user that postern runs as"
            )),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CliError::Failed(anyhow!(
                "postern is not running (nobody answers at {socket}); start it with postern serve or systemctl start postern"
            )),
            _ => CliError::Failed(anyhow!("the admin socket {socket} can't be used: {error}")),
        }
    }
}

/// A part of an address: whatever it holds, it stays one part.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

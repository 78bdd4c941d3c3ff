//! HTTP for people and programs: the portal and the API on one listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connections::{Peer, Serve, Stream};
use postern_services::in_force::SettingsInForce;

/// The portal's listener.
pub struct Portal {
    /// Every route.
    pub routes: Router,
    /// The most connections, and how long a request's header may take to arrive.
    pub settings: Arc<SettingsInForce>,
}

impl Serve for Portal {
    fn name(&self) -> &'static str {
        "portal"
    }

    fn most(&self) -> usize {
        self.settings.load().portal.max_connections as usize
    }

    fn serve(&self, stream: Stream, peer: Peer, closing: watch::Receiver<bool>, connections: &mut JoinSet<()>) {
        let from = postern_services::client::Peer::from(peer.address);
        let routes = self.routes.clone().layer(axum::Extension(ConnectInfo(from)));
        let header_timeout = self.settings.load().portal.request_timeout;
        connections.spawn(async move {
            let served = match stream {
                Stream::Tcp(stream) => match TcpStream::from_std(stream) {
                    Ok(stream) => talk(stream, routes, header_timeout, closing).await,
                    Err(error) => Err(error.into()),
                },
                Stream::Unix(stream) => match UnixStream::from_std(stream) {
                    Ok(stream) => talk(stream, routes, header_timeout, closing).await,
                    Err(error) => Err(error.into()),
                },
            };
            if let Err(error) = served {
                tracing::debug!(peer = peer.name(), error, "connection at the portal ended");
            }
        });
    }
}

/// Serves one connection. A request's header has to arrive within `header_timeout`, which also bounds how long the
/// connection may be silent before it and between requests; an answer may take as long as it does.
async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    routes: Router,
    header_timeout: Duration,
    mut closing: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(header_timeout);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return Ok(served?),
        _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
    }
    Ok(connection.await?)
}

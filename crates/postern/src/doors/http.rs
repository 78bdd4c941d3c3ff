//! HTTP for people and programs: the portal and the API on one listener.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

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
        let from = postern_portal::Peer::from(peer.address);
        let routes = self.routes.clone().layer(axum::Extension(ConnectInfo(from)));
        let header_timeout = self.settings.load().portal.request_timeout;
        connections.spawn(async move {
            let served = match stream {
                Stream::Tcp(stream) => match TcpStream::from_std(stream) {
                    Ok(stream) => match begins(stream.readable(), header_timeout, closing.clone()).await {
                        true => talk(stream, routes, header_timeout, closing).await,
                        false => Ok(()),
                    },
                    Err(error) => Err(error.into()),
                },
                Stream::Unix(stream) => match UnixStream::from_std(stream) {
                    Ok(stream) => match begins(stream.readable(), header_timeout, closing.clone()).await {
                        true => talk(stream, routes, header_timeout, closing).await,
                        false => Ok(()),
                    },
                    Err(error) => Err(error.into()),
                },
            };
            if let Err(error) = served {
                tracing::debug!(peer = peer.name(), error, "connection at the portal ended");
            }
        });
    }
}

/// Whether a connection begins to send within `limit`, and before `closing` becomes true.
async fn begins<T>(readable: impl Future<Output = T>, limit: Duration, mut closing: watch::Receiver<bool>) -> bool {
    tokio::select! {
        begun = timeout(limit, readable) => begun.is_ok(),
        _ = closing.wait_for(|closing| *closing) => false,
    }
}

/// Serves one connection that has begun to send. A request's header has to arrive within `header_timeout`; an answer
/// may take as long as it does.
async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    routes: Router,
    header_timeout: Duration,
    mut closing: watch::Receiver<bool>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Builder::new(hyper_util::rt::TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(header_timeout);
    let builder = builder.http1_only();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(routes));
    tokio::pin!(connection);
    tokio::select! {
        served = connection.as_mut() => return served,
        _ = closing.wait_for(|closing| *closing) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

//! What all listeners share: accepting connections, up to a maximum number, and letting them finish at the end.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::listen::Listener;

/// How long open connections have to finish their requests after a listener closes.
const DRAIN: Duration = Duration::from_secs(10);
/// How long to wait if a connection can't be accepted: most likely, the process is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// An accepted connection, not yet registered with a runtime; the one that serves it will do that.
pub enum Stream {
    /// Over TCP.
    Tcp(std::net::TcpStream),
    /// Over a Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

/// The other side of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address, over TCP.
    pub address: Option<SocketAddr>,
}

impl Peer {
    /// Its IP address, or `unix`.
    pub fn name(&self) -> String {
        self.address.map_or_else(|| "unix".into(), |address| address.ip().to_string())
    }
}

/// How a listener serves its connections.
pub trait Serve {
    /// The listener's name in the log, such as "policy door".
    fn name(&self) -> &'static str;

    /// The most simultaneous connections.
    fn most(&self) -> usize;

    /// Notes that a connection was closed because there were too many.
    fn note_too_many(&self) {}

    /// Serves a connection in a task of `connections`. It should end soon once `closing` becomes true, after finishing
    /// the request that it has begun.
    fn serve(&self, stream: Stream, peer: Peer, closing: watch::Receiver<bool>, connections: &mut JoinSet<()>);
}

/// Accepts connections until `closing` becomes true, then lets open ones finish.
pub async fn accept_all(server: impl Serve, listener: Listener, mut closing: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            // Remove connections as they end.
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        match accepted {
            Ok((_, peer)) if connections.len() >= server.most() => {
                server.note_too_many();
                let (peer, most) = (peer.name(), server.most());
                tracing::warn!(
                    peer,
                    max_connections = most,
                    "too many connections at the {}, one was closed",
                    server.name()
                );
            }
            Ok((stream, peer)) => server.serve(stream, peer, closing.clone(), &mut connections),
            Err(error) => {
                tracing::error!(%error, "the {} can't accept a connection", server.name());
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        tracing::warn!("connections at the {} were still busy and were cut", server.name());
    }
}

async fn accept(listener: &Listener) -> io::Result<(Stream, Peer)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, address) = listener.accept().await?;
            // Answers are small, and the other side waits for each.
            stream.set_nodelay(true)?;
            Ok((Stream::Tcp(stream.into_std()?), Peer { address: Some(address) }))
        }
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok((Stream::Unix(stream.into_std()?), Peer { address: None }))
        }
    }
}

//! The policy door: Postfix's policy delegation over TCP and Unix sockets.
//!
//! A connection stays open for as long as the mail server wants it. On an error there is no answer: the connection is
//! closed and the reason logged (SMTPD_POLICY_README).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use postern_domain::gate::Verdict;
use postern_ledger::Ledger;
use postern_wire::policy::{self, Malformed, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::listen::Listener;
use super::workers::Workers;
use postern_services::gate::{Gate, Session};
use postern_services::in_force::SettingsInForce;
use postern_services::metrics::Metrics;
use postern_services::settings::PolicyDoor;

/// How long open connections have to finish their requests after the door closes.
const DRAIN: Duration = Duration::from_secs(10);

/// One in this many answers is timed: the histogram is behind a lock that all connections share.
const SAMPLE: u32 = 32;

/// What serving connections needs.
pub struct Door<L> {
    /// Decides on each request.
    pub gate: Arc<Gate<L>>,
    /// Limits and timeouts; a connection uses those in force when it was opened.
    pub settings: Arc<SettingsInForce>,
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// The threads that serve the connections.
    pub workers: Workers,
}

impl<L> Clone for Door<L> {
    fn clone(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            settings: Arc::clone(&self.settings),
            metrics: Arc::clone(&self.metrics),
            workers: self.workers.clone(),
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("malformed request: {0}")]
    Malformed(#[from] Malformed),
    #[error("the request did not end within {0:?}")]
    Slow(Duration),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("closed in the middle of a request")]
    Cut,
}

impl<L: Ledger> Door<L> {
    /// Accepts connections until `closing` becomes true, then lets open ones finish the request they have begun.
    pub async fn serve(self, listener: Listener, mut closing: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener) => accepted,
                // Remove connections as they end.
                Some(_) = connections.join_next(), if !connections.is_empty() => continue,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let most = self.settings.load().policy_door.max_connections as usize;
                    if connections.len() >= most {
                        self.metrics.connections_refused.inc();
                        tracing::warn!(
                            peer,
                            max_connections = most,
                            "too many connections at the policy door, one was closed"
                        );
                        continue;
                    }
                    let served = self.clone().connection(stream, peer, closing.clone());
                    connections.spawn_on(served, self.workers.next());
                }
                Err(error) => {
                    // Out of file descriptors, most likely: waiting beats spinning.
                    tracing::error!(%error, "the policy door can't accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(listener);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, all).await.is_err() {
            tracing::warn!("connections at the policy door were still busy and were cut");
        }
    }

    async fn connection(self, stream: Accepted, peer: String, closing: watch::Receiver<bool>) {
        self.metrics.connections.inc();
        let mut session = self.gate.session(&peer);
        let settings = self.settings.load().policy_door.clone();
        let ended = match stream {
            Accepted::Tcp(stream) => match TcpStream::from_std(stream) {
                Ok(stream) => self.talk(stream, &settings, &mut session, closing).await,
                Err(error) => Err(error.into()),
            },
            Accepted::Unix(stream) => match UnixStream::from_std(stream) {
                Ok(stream) => self.talk(stream, &settings, &mut session, closing).await,
                Err(error) => Err(error.into()),
            },
        };
        if let Err(why) = ended {
            if matches!(why, Ended::Malformed(_) | Ended::Slow(_)) {
                self.metrics.malformed.inc();
                tracing::warn!(peer, %why, "policy request not answered, connection closed");
            } else {
                tracing::debug!(peer, %why, "policy connection ended");
            }
        }
        self.gate.close(session).await;
        self.metrics.connections.dec();
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        settings: &PolicyDoor,
        session: &mut Session,
        mut closing: watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        let mut buffer = Vec::with_capacity(2048);
        let mut answer = Vec::with_capacity(256);
        let (mut scanned, mut answered) = (0, 0u32);
        let closed = closing.wait_for(|closing| *closing);
        tokio::pin!(closed);
        // One timer for the whole connection, checked when it fires: resetting it for every request would cost more
        // than parsing one.
        let timer = tokio::time::sleep(settings.request_timeout.min(settings.idle_timeout));
        tokio::pin!(timer);
        let mut beside = Beside { timer, closed, registered: false, is_closing: false };
        let mut since = Instant::now();
        loop {
            if let Some(end) = policy::find_end(&buffer, scanned, settings.limits)? {
                let sampled = answered.is_multiple_of(SAMPLE).then(Instant::now);
                self.one(&buffer[..end], session, &mut answer).await?;
                stream.write_all(&answer).await?;
                if let Some(began) = sampled {
                    self.metrics.answer_seconds.observe(began.elapsed().as_secs_f64());
                }
                answered = answered.wrapping_add(1);
                buffer.drain(..end);
                scanned = 0;
                if beside.is_closing && buffer.is_empty() {
                    return Ok(());
                }
                continue;
            }
            scanned = buffer.len();
            match beside.next(&mut stream, &mut buffer).await {
                Event::Read(read) => {
                    if read? == 0 {
                        return if buffer.is_empty() { Ok(()) } else { Err(Ended::Cut) };
                    }
                    if scanned == 0 {
                        since = Instant::now();
                    }
                }
                Event::Timer => {
                    let limit = if buffer.is_empty() { settings.idle_timeout } else { settings.request_timeout };
                    if since.elapsed() >= limit {
                        return if buffer.is_empty() { Ok(()) } else { Err(Ended::Slow(limit)) };
                    }
                    let next = (since + limit).min(Instant::now() + settings.request_timeout);
                    beside.wake_at(next);
                }
                // A request that has begun is answered; between requests nothing is lost.
                Event::Closing => beside.is_closing = true,
            }
            if beside.is_closing && buffer.is_empty() {
                return Ok(());
            }
        }
    }

    async fn one(&self, block: &[u8], session: &mut Session, answer: &mut Vec<u8>) -> Result<(), Malformed> {
        let text = policy::text(block);
        let request = Request::parse(&text)?;
        let verdict = self.gate.answer(&request, session).await;
        self.metrics.requests.inc();
        answer.clear();
        match verdict {
            Verdict::Pass => policy::encode_action(answer, "DUNNO"),
            // With BCC, Postfix goes on with the other rules (access(5)). Of several BCC actions it honours only the
            // last, so several addresses need an alias, which `postern wiring postfix` prints.
            Verdict::PassWithCopy(copies) => {
                let to = copies.alias.as_ref().or(copies.to.first()).map_or("", String::as_str);
                policy::encode_action(answer, &format!("BCC {to}"));
            }
            Verdict::Defer(reply) | Verdict::Refuse(reply) => {
                policy::encode_action(answer, &format!("{} {} {}", reply.code, reply.status, reply.text));
            }
        }
        Ok(())
    }
}

/// An event on a connection.
enum Event {
    Read(io::Result<usize>),
    Timer,
    Closing,
}

/// The event sources of a connection besides its bytes.
struct Beside<'a, C> {
    timer: Pin<&'a mut Sleep>,
    closed: Pin<&'a mut C>,
    /// Both have the task's waker. The task stays the same, so registering once is enough; registering for every
    /// request would take locks that all connections share.
    registered: bool,
    /// `closed` has completed and must not be polled again.
    is_closing: bool,
}

impl<T, C: Future<Output = T>> Beside<'_, C> {
    fn wake_at(&mut self, time: Instant) {
        self.timer.as_mut().reset(time);
        self.registered = false;
    }

    async fn next<S: AsyncRead + Unpin>(&mut self, stream: &mut S, buffer: &mut Vec<u8>) -> Event {
        let read = stream.read_buf(buffer);
        tokio::pin!(read);
        let mut first = true;
        std::future::poll_fn(|context| {
            if let Poll::Ready(read) = read.as_mut().poll(context) {
                return Poll::Ready(Event::Read(read));
            }
            // Woken again without bytes to read: the wake-up came from one of the others.
            if std::mem::take(&mut first) && self.registered {
                return Poll::Pending;
            }
            self.registered = true;
            if self.timer.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Timer);
            }
            if self.is_closing {
                return Poll::Pending;
            }
            self.closed.as_mut().poll(context).map(|_| Event::Closing)
        })
        .await
    }
}

/// A connection not yet registered with a runtime; its worker's runtime will do that.
enum Accepted {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
}

async fn accept(listener: &Listener) -> io::Result<(Accepted, String)> {
    match listener {
        Listener::Tcp(listener) => {
            let (stream, peer) = listener.accept().await?;
            // Answers are small, and the mail server waits for each.
            stream.set_nodelay(true)?;
            Ok((Accepted::Tcp(stream.into_std()?), peer.ip().to_string()))
        }
        Listener::Unix(listener) => {
            let (stream, _) = listener.accept().await?;
            Ok((Accepted::Unix(stream.into_std()?), "unix".into()))
        }
    }
}

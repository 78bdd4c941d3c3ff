//! Doors whose protocol is a conversation: one request after the other on a connection, each with its answer.
//!
//! A connection stays open for as long as the mail server wants it. On an error there is no answer: the connection is
//! closed and the reason logged.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use postern_ledger::Ledger;
use postern_wire::policy::RequestLimits;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use super::connections::{Peer, Serve, Stream};
use super::workers::Workers;
use postern_services::gate::{Abilities, Gate, Session};
use postern_services::in_force::SettingsInForce;
use postern_services::metrics::Metrics;
use postern_services::settings::Door as DoorSettings;

/// One in this many answers is timed: the histogram is behind a lock that all connections share.
const SAMPLE: u32 = 32;

/// Bytes that are not a valid request of a protocol.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// A protocol: finds requests in bytes, asks the gate, and encodes its verdicts. It decides nothing.
pub trait Protocol: Send + Sync + 'static {
    /// The door's name in the log.
    const NAME: &'static str;
    /// What it can do.
    const ABILITIES: Abilities;

    /// The length in bytes of the first request in `buffer`; `None` while it is incomplete. The first `scanned` bytes
    /// are known not to contain its end.
    ///
    /// # Errors
    /// It can't become a valid request.
    fn find_end(buffer: &[u8], scanned: usize, limits: RequestLimits) -> Result<Option<usize>, Malformed>;

    /// Replaces the content of `answer` by the answer to a request.
    ///
    /// # Errors
    /// It is not a valid request.
    fn answer<L: Ledger>(
        gate: &Gate<L>,
        request: &[u8],
        session: &mut Session,
        answer: &mut Vec<u8>,
    ) -> impl Future<Output = Result<(), Malformed>> + Send;
}

/// A door of one protocol.
pub struct Door<L, P> {
    /// Decides on each request.
    pub gate: Arc<Gate<L>>,
    /// Limits and timeouts; a connection uses those in force when it was opened.
    pub settings: Arc<SettingsInForce>,
    /// Which of the doors in the settings it is.
    pub number: usize,
    /// Counters and histograms.
    pub metrics: Arc<Metrics>,
    /// The threads that serve the connections.
    pub workers: Workers,
    /// The protocol.
    pub protocol: std::marker::PhantomData<P>,
}

impl<L, P> Clone for Door<L, P> {
    fn clone(&self) -> Self {
        Self {
            gate: Arc::clone(&self.gate),
            settings: Arc::clone(&self.settings),
            number: self.number,
            metrics: Arc::clone(&self.metrics),
            workers: self.workers.clone(),
            protocol: std::marker::PhantomData,
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

impl<L: Ledger, P: Protocol> Serve for Door<L, P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn most(&self) -> usize {
        self.limits().max_connections as usize
    }

    fn note_too_many(&self) {
        self.metrics.connections_refused.inc();
    }

    fn serve(&self, stream: Stream, peer: Peer, closing: watch::Receiver<bool>, connections: &mut JoinSet<()>) {
        connections.spawn_on(self.clone().connection(stream, peer.name(), closing), self.workers.next());
    }
}

impl<L: Ledger, P: Protocol> Door<L, P> {
    /// The settings in force; those of the first door if there are fewer than at the start.
    fn limits(&self) -> DoorSettings {
        let settings = self.settings.load();
        let door = settings.doors.get(self.number).or(settings.doors.first());
        door.cloned().unwrap_or_else(DoorSettings::policy)
    }

    async fn connection(self, stream: Stream, peer: String, closing: watch::Receiver<bool>) {
        self.metrics.connections.inc();
        let mut session = self.gate.session(&peer, P::ABILITIES);
        let settings = self.limits();
        let ended = match stream {
            Stream::Tcp(stream) => match TcpStream::from_std(stream) {
                Ok(stream) => self.talk(stream, &settings, &mut session, closing).await,
                Err(error) => Err(error.into()),
            },
            Stream::Unix(stream) => match UnixStream::from_std(stream) {
                Ok(stream) => self.talk(stream, &settings, &mut session, closing).await,
                Err(error) => Err(error.into()),
            },
        };
        if let Err(why) = ended {
            if matches!(why, Ended::Malformed(_) | Ended::Slow(_)) {
                self.metrics.malformed.inc();
                tracing::warn!(peer, %why, "request at the {} not answered, connection closed", P::NAME);
            } else {
                tracing::debug!(peer, %why, "connection at the {} ended", P::NAME);
            }
        }
        self.gate.close(session).await;
        self.metrics.connections.dec();
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        settings: &DoorSettings,
        session: &mut Session,
        mut closing: watch::Receiver<bool>,
    ) -> Result<(), Ended> {
        let mut buffer = Vec::with_capacity(2048);
        let mut answer = Vec::with_capacity(256);
        let (mut scanned, mut answered) = (0, 0u32);
        let mut turn = Turn::default();
        let closed = closing.wait_for(|closing| *closing);
        tokio::pin!(closed);
        // One timer for the whole connection, checked when it fires: resetting it for every request would cost more
        // than parsing one.
        let timer = tokio::time::sleep(settings.request_timeout.min(settings.idle_timeout));
        tokio::pin!(timer);
        let mut beside = Beside { timer, closed, registered: false, is_closing: false };
        let mut since = Instant::now();
        loop {
            if let Some(end) = P::find_end(&buffer, scanned, settings.limits)? {
                let sampled = answered.is_multiple_of(SAMPLE).then(Instant::now);
                answer.clear();
                P::answer(&self.gate, &buffer[..end], session, &mut answer).await?;
                self.metrics.requests.inc();
                if turn.others_asked() {
                    tokio::task::yield_now().await;
                }
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
}

thread_local! {
    /// How many requests this thread has decided.
    static DECIDED: Cell<u64> = const { Cell::new(0) };
}

/// A connection's last turn among those of its thread.
///
/// Each answer wakes a process that runs at once and soon asks again. While several connections have requests, all of
/// them are decided before the first is answered: otherwise, each decision would be interrupted by waking the
/// process that got the previous answer.
#[derive(Default)]
struct Turn(u64);

impl Turn {
    /// Begins a turn; whether other connections have had theirs since the last one.
    fn others_asked(&mut self) -> bool {
        let decided = DECIDED.get();
        let others = decided != self.0;
        DECIDED.set(decided + 1);
        self.0 = decided + 1;
        others
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

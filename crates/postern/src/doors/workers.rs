//! The threads that serve a door's connections.
//!
//! Each has a runtime of its own, and a connection stays on the thread it was assigned to. The requests are small and
//! never wait for a disk: passing one from thread to thread, as a work-stealing runtime does to spread long work,
//! would cost more than answering it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Threads that take connections in turn. They end when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Workers {
    handles: Arc<[Handle]>,
    next: Arc<AtomicUsize>,
    _running: watch::Sender<()>,
}

impl Workers {
    /// Starts one thread for every two processors: the mail server runs on the same machine and needs the others, and
    /// if a thread has to wait for a processor, all of its connections wait.
    ///
    /// # Errors
    /// A thread or its runtime can't be created.
    pub fn start() -> io::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, |all| usize::from(all).div_ceil(2));
        let (running, _) = watch::channel(());
        let start = |number: usize| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let mut running = running.subscribe();
            let run = move || runtime.block_on(async { while running.changed().await.is_ok() {} });
            std::thread::Builder::new().name(format!("door-{number}")).spawn(run)?;
            Ok(handle)
        };
        let handles = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Self { handles, next: Arc::default(), _running: running })
    }

    /// The thread whose turn it is.
    pub fn next(&self) -> &Handle {
        &self.handles[self.next.fetch_add(1, Ordering::Relaxed) % self.handles.len()]
    }
}

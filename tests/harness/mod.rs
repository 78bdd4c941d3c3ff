//! What the scenarios share.

pub mod browser;
pub mod dovecot;
pub mod http;
pub mod policy_client;
pub mod postern;
pub mod postfix;
pub mod process;
pub mod site;
pub mod smtp;

use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// A port that is free, and that no other test is given. Not one of those that connections are
/// made from (ip_local_port_range): between now and its use one of them could take it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    let candidates = (0..COUNT).map(|_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        FIRST + (start.wrapping_add(step)) % COUNT
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.into_iter().find(is_free).expect("a free port")
}

/// Waits until `done` says so; panics with `what` after 20 s.
#[track_caller]
pub fn wait_for(what: &str, done: impl FnMut() -> bool) {
    wait_within(20, what, done);
}

/// The same for what takes longer by design.
#[track_caller]
pub fn wait_within(seconds: u64, what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(seconds), "waited {seconds} s in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `find` finds something, and returns it.
#[track_caller]
pub fn wait_some<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    wait_for(what, || {
        found = find();
        found.is_some()
    });
    found.unwrap()
}

/// Every file below a folder, as text.
pub fn files_below(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut texts = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            texts.extend(files_below(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            texts.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    texts
}

/// Lets the servers' own users into a temporary folder.
pub fn open_folder(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

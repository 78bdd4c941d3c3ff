//! Listening sockets: TCP, Unix, or passed by systemd (sd_listen_fds(3)).

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;

use tokio::net::{TcpListener, UnixListener};

use postern_services::settings::Listen;

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// On a TCP address.
    Tcp(TcpListener),
    /// On a Unix socket.
    Unix(UnixListener),
}

/// Why listening on a socket failed.
#[derive(Debug, thiserror::Error)]
#[error("{key}: can't listen on {listen}: {reason}")]
pub struct ListenError {
    key: &'static str,
    listen: String,
    reason: String,
}

/// Sockets that systemd passed, by name, until each is taken.
pub struct Passed {
    names: Vec<String>,
    sockets: listenfd::ListenFd,
}

impl Passed {
    /// The sockets that systemd passed to this process.
    pub fn from_env() -> Self {
        // `ListenFd` removes the variables, so the names are read first.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.split(':').map(str::to_owned).collect();
        Self { names, sockets: listenfd::ListenFd::from_env() }
    }

    fn take(&mut self, name: &str) -> io::Result<Listener> {
        let missing = || io::Error::other(format!("systemd passed no socket with FileDescriptorName={name}"));
        let index = self.names.iter().position(|n| n == name).ok_or_else(missing)?;
        self.names[index].clear();
        if let Ok(Some(tcp)) = self.sockets.take_tcp_listener(index) {
            tcp.set_nonblocking(true)?;
            return TcpListener::from_std(tcp).map(Listener::Tcp);
        }
        let unix = self.sockets.take_unix_listener(index)?.ok_or_else(missing)?;
        unix.set_nonblocking(true)?;
        UnixListener::from_std(unix).map(Listener::Unix)
    }
}

impl Listener {
    /// Starts listening. `key` is the setting that it comes from; a Unix socket gets the permissions `mode`.
    ///
    /// # Errors
    /// The address is in use, or permission is denied.
    pub async fn bind(listen: &Listen, key: &'static str, mode: u32, passed: &mut Passed) -> Result<Self, ListenError> {
        let bound = match listen {
            Listen::Tcp(address) => TcpListener::bind(address).await.map(Listener::Tcp),
            Listen::Unix(path) => bind_unix(path, mode).map(Listener::Unix),
            Listen::Systemd(name) => passed.take(name),
        };
        bound.map_err(|error| ListenError { key, listen: listen.to_string(), reason: reason(&error) })
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program is listening there".into(),
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address".into(),
        _ => error.to_string(),
    }
}

/// Listens on a Unix socket. It replaces a socket left behind by a crash, but not one that is in use.
pub fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        std::fs::create_dir_all(folder)?;
        // Whoever may use the socket has to reach it, whatever the umask.
        let reached = if mode & 0o007 == 0 { 0o750 } else { 0o755 };
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(reached))?;
    }
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::other("there is a file that is no socket"));
        }
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    Ok(listener)
}

//! Single values of settings.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where a door listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// A socket that systemd passes, by its `FileDescriptorName=`.
    Systemd(String),
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Listen::Tcp(address) => write!(f, "{address}"),
            Listen::Unix(path) => write!(f, "unix:{}", path.display()),
            Listen::Systemd(name) => write!(f, "systemd:{name}"),
        }
    }
}

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// What people see.
    pub name: String,
    /// The mail address.
    pub address: String,
}

/// The server that takes Postern's own mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl SmtpServer {
    /// The mail server on this machine.
    pub fn local() -> Self {
        Self { host: "127.0.0.1".into(), port: 25 }
    }

    /// Whether nothing leaves this machine on the way to it.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

/// How an SMTP connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// `STARTTLS` where the server offers it; without, in the clear.
    Opportunistic,
    /// `STARTTLS`, or nothing is sent (RFC 3207).
    Required,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

/// For people or for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

/// What requests to a webhook look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// Signed, with everything that is known (Standard Webhooks).
    Standard,
    /// For Slack's incoming webhooks.
    Slack,
    /// For Microsoft Teams's workflows.
    Teams,
}

//! Types of individual settings values.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where a door listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// A socket passed by systemd, identified by its `FileDescriptorName=`.
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

/// A mailbox: display name and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name.
    pub name: String,
    /// The mail address.
    pub address: String,
}

/// The server that takes Postern's own mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpServer {
    /// Host name or IP address.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl SmtpServer {
    /// The mail server on this machine.
    pub fn local() -> Self {
        Self { host: "127.0.0.1".into(), port: 25 }
    }

    /// Whether it is on this machine, so that no mail to it crosses the network.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

/// How an SMTP connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Not at all.
    None,
    /// `STARTTLS` if the server offers it; otherwise unencrypted.
    Opportunistic,
    /// `STARTTLS` is required; without it, nothing is sent (RFC 3207).
    Required,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text lines for people.
    Text,
    /// One JSON object per line, for programs.
    Json,
}

/// The format of requests to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookFormat {
    /// Signed requests with all details (Standard Webhooks).
    Standard,
    /// For Slack's incoming webhooks.
    Slack,
    /// For Microsoft Teams's workflows.
    Teams,
}

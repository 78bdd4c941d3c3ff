//! The client at the other end of a connection, behind reverse proxies or not.

use std::net::{IpAddr, SocketAddr};

use hyper::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address of a connection's peer; none on a Unix socket, where the peer is a reverse proxy.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub Option<SocketAddr>);

impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Self {
        Self(address)
    }
}

impl Peer {
    /// The client's address: the last one in `X-Forwarded-For` that is not a trusted proxy's. A peer that is not a
    /// trusted proxy is itself the client, whatever the header states. `None` if it can't be known: what stands before
    /// an entry that can't be read may have been written by anybody.
    pub fn client(self, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
        let peer = self.ip();
        let is_proxy = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
        if peer.is_some_and(|ip| !is_proxy(&ip)) {
            return peer;
        }
        let lists = headers.get_all(FORWARDED_FOR).iter().map(|value| value.to_str().unwrap_or_default());
        let entries: Vec<&str> = lists.flat_map(|list| list.split(',')).collect();
        for entry in entries.into_iter().rev() {
            let ip = address(entry)?;
            if !is_proxy(&ip) {
                return Some(ip);
            }
        }
        peer
    }

    /// Whether the client is the peer itself, although a header says that the request was forwarded: it came through a
    /// reverse proxy that is not trusted.
    pub fn is_unknown_proxy(self, headers: &HeaderMap, trusted: &[IpNet]) -> bool {
        let client = self.client(headers, trusted);
        let is_forwarded = headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded");
        is_forwarded && client.is_some() && client == self.ip()
    }

    fn ip(self) -> Option<IpAddr> {
        self.0.map(|at| at.ip().to_canonical())
    }
}

/// The address of an entry in `X-Forwarded-For`; some proxies add the port (`192.0.2.1:1234`, `[2001:db8::1]:1234`).
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|entry| entry.strip_suffix(']')).unwrap_or(entry);
    let ip = bare.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|at| at.ip()))?;
    Some(ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn client(peer: Option<&str>, forwarded: &[&str]) -> Option<IpAddr> {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        let peer = Peer(peer.map(|peer| SocketAddr::new(ip(peer), 40000)));
        let mut headers = HeaderMap::new();
        for list in forwarded {
            headers.append(FORWARDED_FOR, list.parse().unwrap());
        }
        peer.client(&headers, &trusted)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let header = ["203.0.113.9, 192.0.2.1, 10.0.0.2"];
        assert_eq!(client(Some("10.0.0.1"), &header), Some(ip("192.0.2.1")));
        assert_eq!(client(Some("198.51.100.1"), &header), Some(ip("198.51.100.1")));
        assert_eq!(client(None, &header), Some(ip("192.0.2.1")));
        assert_eq!(client(Some("10.0.0.1"), &["203.0.113.9", "192.0.2.1"]), Some(ip("192.0.2.1")));
        assert_eq!(client(Some("10.0.0.1"), &[]), Some(ip("10.0.0.1")));
        assert_eq!(client(None, &[]), None);
    }

    #[test]
    fn what_the_client_wrote_itself_is_never_believed() {
        let wrote = "198.51.100.99";
        for appended in ["192.0.2.1:40123", "192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(
                client(Some("10.0.0.1"), &[&format!("{wrote}, {appended}")]),
                Some(ip("192.0.2.1")),
                "{appended}"
            );
        }
        for appended in ["[2001:db8::1]:40123", "[2001:db8::1]", "2001:db8::1"] {
            assert_eq!(client(Some("10.0.0.1"), &[&format!("{wrote}, {appended}")]), Some(ip("2001:db8::1")));
        }
        for appended in ["unknown", "_hidden", "", "192.0.2.1:x"] {
            assert_eq!(client(Some("10.0.0.1"), &[&format!("{wrote}, {appended}")]), None, "{appended:?}");
        }
    }
}

//! Which sources an attempt to sign in counts for: they make further attempts wait.

use std::net::IpAddr;

use ipnet::Ipv6Net;
use postern_domain::access::ThrottleRule;
use postern_store::sign_in_attempts::AttemptSource;

/// The sources of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sources {
    /// The account; or, if somebody has signed in to it from this device before, the device, so that strangers who fail
    /// don't lock its owner out (OWASP, Slow Down Online Guessing Attacks with Device Cookies).
    pub identity: Option<AttemptSource>,
    /// The client's network, unless the device is known.
    pub client: Option<AttemptSource>,
}

impl Sources {
    /// The sources of an attempt to sign in to an account, from a known device or a stranger's.
    pub fn of_account(account: &str, device: Option<&str>, client: Option<IpAddr>) -> Self {
        match device {
            Some(device) => {
                let identity = AttemptSource { key: format!("device {device}"), rule: ThrottleRule::DEVICE };
                Self { identity: Some(identity), client: None }
            }
            None => {
                let identity = AttemptSource { key: format!("account {account}"), rule: ThrottleRule::ACCOUNT };
                Self { identity: Some(identity), ..Self::of_client(client) }
            }
        }
    }

    /// The source of an attempt that names no account.
    pub fn of_client(client: Option<IpAddr>) -> Self {
        let client = client.map(|address| AttemptSource { key: network(address), rule: ThrottleRule::CLIENT });
        Self { identity: None, client }
    }

    /// The source of a guess at the current password of somebody who is signed in. Not the account: who has stolen a
    /// session must not keep its owner from signing in.
    pub fn of_current_password(account: &str) -> Self {
        let identity = AttemptSource { key: format!("current password {account}"), rule: ThrottleRule::ACCOUNT };
        Self { identity: Some(identity), client: None }
    }

    /// All of them.
    pub fn all(&self) -> Vec<AttemptSource> {
        self.identity.iter().chain(&self.client).cloned().collect()
    }
}

fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("client {address}"),
        // A customer has at least a /64 (RFC 6177).
        IpAddr::V6(address) => format!("client {}", Ipv6Net::new_assert(address, 64).trunc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_device_does_not_share_the_wait_of_strangers() {
        let ip = |text: &str| Some(text.parse().unwrap());
        let keys = |sources: Sources| sources.all().into_iter().map(|source| source.key).collect::<Vec<_>>();
        let from = |client| keys(Sources::of_account("alice", None, client));
        assert_eq!(from(ip("2001:db8::1")), ["account alice", "client 2001:db8::/64"]);
        assert_eq!(from(ip("2001:db8::1")), from(ip("2001:db8::ffff")));
        assert_eq!(from(ip("::ffff:192.0.2.1")), ["account alice", "client 192.0.2.1"]);
        assert_eq!(from(None), ["account alice"]);
        assert_eq!(keys(Sources::of_account("alice", Some("d1"), ip("192.0.2.1"))), ["device d1"]);
        assert_eq!(keys(Sources::of_client(ip("192.0.2.1"))), ["client 192.0.2.1"]);
    }
}

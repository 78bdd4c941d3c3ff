//! Detects patterns typical of a compromised account before it exceeds a limit.

use std::net::IpAddr;
use std::time::Duration;

use crate::evidence::Pattern;
use crate::time::Timestamp;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How far back to look for a pattern.
const WITHIN: Duration = Duration::from_secs(3600);
/// A person does not send from this many networks within an hour; a botnet does.
const MANY_NETWORKS: usize = 5;

/// The suspicious pattern in an entity's last attempts, if there is one; of each, when it was and the client's address.
pub fn suspicious(attempts: impl Iterator<Item = (Timestamp, Option<IpAddr>)>, now: Timestamp) -> Option<Pattern> {
    // Few attempts are remembered, and most come from the same network.
    let mut networks: Vec<IpNet> = Vec::new();
    for network in attempts.filter(|(at, _)| now.since(*at) < WITHIN).filter_map(|(_, address)| address).map(network) {
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    let many = networks.len() >= MANY_NETWORKS;
    many.then(|| Pattern::ManyNetworks { networks: u32::try_from(networks.len()).unwrap_or(u32::MAX) })
}

/// The network around an address that roughly corresponds to one site (IPv4 /24, IPv6 /48).
fn network(address: IpAddr) -> IpNet {
    match address.to_canonical() {
        IpAddr::V4(address) => Ipv4Net::new_assert(address, 24).trunc().into(),
        IpAddr::V6(address) => Ipv6Net::new_assert(address, 48).trunc().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_networks_within_an_hour_are_many() {
        let at = |addresses: &[&str], minute| {
            let attempts = addresses.iter().map(|address| (Timestamp::from_minute(100), address.parse().ok()));
            suspicious(attempts, Timestamp::from_minute(minute))
        };
        let from = |addresses: &[&str]| at(addresses, 110);
        let five = ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:1::1", "2001:db8:2::1"];
        assert_eq!(from(&five), Some(Pattern::ManyNetworks { networks: 5 }));
        assert_eq!(from(&five[..4]), None);
        // A phone that moves between addresses of one network is not a botnet.
        assert_eq!(from(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "::ffff:192.0.2.6"]), None);
        assert_eq!(at(&five, 160), None);
    }
}

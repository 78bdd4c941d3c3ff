//! Devices from which people have signed in before. Each has a cookie for one account, signed with a permanent key; it
//! gives no access (OWASP, Slow Down Online Guessing Attacks with Device Cookies).

use postern_store::audit::hex;

use super::secret;
use crate::randomness::Randomness;

/// Makes and checks the cookies of devices.
#[derive(Debug)]
pub struct Devices([u8; 32]);

impl Devices {
    /// Signs cookies with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// A cookie for the device from which somebody has just signed in to `account`.
    pub fn cookie(&self, account: &str, randomness: &dyn Randomness) -> String {
        let device = hex(&randomness.bytes::<16>());
        let signature = secret::sign(&self.0, &signed(account, &device));
        format!("{device}.{signature}")
    }

    /// The device that a cookie is for, if somebody has signed in to `account` from it.
    pub fn known<'c>(&self, account: &str, cookie: &'c str) -> Option<&'c str> {
        let (device, signature) = cookie.split_once('.')?;
        secret::is_signed(&self.0, &signed(account, device), signature).then_some(device)
    }
}

fn signed(account: &str, device: &str) -> String {
    format!("device {device} {account}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn a_device_is_known_to_one_account() {
        let devices = Devices::new([1; 32]);
        let cookie = devices.cookie("alice@example.com", &SystemRandomness);
        assert!(devices.known("alice@example.com", &cookie).is_some_and(|device| device.len() == 32));
        assert_eq!(devices.known("bob@example.com", &cookie), None);
        assert_eq!(Devices::new([2; 32]).known("alice@example.com", &cookie), None);
        assert_eq!(devices.known("alice@example.com", "nonsense"), None);
    }
}

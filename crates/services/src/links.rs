//! Links that tell somebody about themselves: signed, so that nobody else's can be guessed.

use postern_domain::Reference;

use crate::settings::Settings;
use crate::sign_in::secret;

/// Makes and checks them.
#[derive(Clone)]
pub struct Links([u8; 32]);

impl Links {
    /// Signs with a key that stays the same, since links are in mails and logs for long.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The page that tells the owner of an account why it is restricted; none as long as nobody
    /// has said how people reach the portal.
    pub fn why(&self, settings: &Settings, reference: &Reference) -> Option<String> {
        let url = settings.portal.url.as_ref()?;
        Some(format!("{url}/why/{reference}/{}", secret::sign(&self.0, &why(reference))))
    }

    /// Whether it is the signature of that page's link.
    pub fn opens_why(&self, reference: &Reference, signature: &str) -> bool {
        secret::is_signed(&self.0, &why(reference), signature)
    }
}

fn why(reference: &Reference) -> String {
    format!("why {reference}")
}

//! Links that show an account owner their own restriction: signed, so that others can't be guessed.

use postern_domain::Reference;

use crate::settings::Settings;
use crate::sign_in::secret;

/// Makes and checks signed links.
#[derive(Clone)]
pub struct Links([u8; 32]);

impl Links {
    /// Signs with a permanent key, since links stay in mails and logs for a long time.
    pub fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The page that tells an account's owner why it is restricted; `None` unless `portal.url` is
    /// configured.
    pub fn why(&self, settings: &Settings, reference: &Reference) -> Option<String> {
        let url = settings.portal.url.as_ref()?;
        Some(format!("{url}/why/{reference}/{}", secret::sign(&self.0, &why(reference))))
    }

    /// Whether `signature` is valid for the link to that page.
    pub fn opens_why(&self, reference: &Reference, signature: &str) -> bool {
        secret::is_signed(&self.0, &why(reference), signature)
    }
}

fn why(reference: &Reference) -> String {
    format!("why {reference}")
}

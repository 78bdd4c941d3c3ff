//! Codes from an authenticator app (RFC 6238: SHA-1, six digits, 30 seconds).

use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Builder, Secret, Totp};

use crate::randomness::Randomness;

/// A new shared secret: 160 random bits (RFC 4226 section 4, R6).
pub fn new_secret(randomness: &dyn Randomness) -> Vec<u8> {
    randomness.bytes::<20>().to_vec()
}

/// What the secret's owner enters into the app.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// The secret in Base32, for typing.
    pub base32: String,
    /// The secret as a QR code, in SVG.
    pub qr: String,
}

/// What to show for a new secret.
pub fn enrolment(secret: &[u8], address: &str, issuer: &str) -> Enrolment {
    // A colon separates issuer and account in the URI (key URI format).
    let issuer = issuer.replace(':', " ");
    let base32 = Secret::from(secret.to_vec()).to_base32();
    let builder = Builder::new().with_secret(secret.to_vec()).with_account_name(address).with_issuer(Some(issuer));
    let url = builder.build().ok().and_then(|totp| totp.to_url().ok()).unwrap_or_default();
    let code = QrCode::new(url.as_bytes()).map(|code| code.render::<svg::Color<'_>>().min_dimensions(200, 200).build());
    let qr = code.unwrap_or_default();
    // An SVG embedded in a page has no XML declaration.
    let qr = qr.split_once("?>").map_or_else(|| qr.clone(), |(_, svg)| svg.to_owned());
    Enrolment { base32, qr }
}

/// The time step for which `code` is valid, within one step of `seconds` since 1970
/// (RFC 6238 section 5.2); `None` if it is wrong.
pub fn step(secret: &[u8], code: &str, seconds: u64) -> Option<u64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let totp: Totp = Builder::new().with_secret(secret.to_vec()).build_noncompliant();
    totp.check(&code, seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, the last six digits.
    #[test]
    fn the_rfc_s_own_codes_are_right_once_a_step() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(step(secret, code, seconds), Some(seconds / 30), "{code}");
            assert_eq!(step(secret, code, seconds + 30), Some(seconds / 30), "a step late");
            assert_eq!(step(secret, code, seconds + 90), None);
        }
        assert_eq!(step(secret, "287 082", 59), Some(1));
        for wrong in ["", "28708", "2870820", "abcdef", "287083"] {
            assert_eq!(step(secret, wrong, 59), None, "{wrong}");
        }
    }

    #[test]
    fn the_picture_is_svg_and_the_text_is_base32() {
        let shown = enrolment(b"12345678901234567890", "alice@example.com", "Postern: Example");
        assert_eq!(shown.base32, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(shown.qr.starts_with("<svg"), "{}", shown.qr);
    }
}

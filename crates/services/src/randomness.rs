//! The source of random bytes, as a dependency that tests can replace.

use postern_domain::Reference;

/// Draws random bytes for code that must not use the system's generator itself.
pub trait Randomness: Send + Sync + 'static {
    /// Fills `bytes` with random bytes that are suitable for secrets.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Randomness + '_ {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A new reference, for people to quote.
    pub fn reference(&self) -> Reference {
        Reference::from_random(u64::from_le_bytes(self.bytes()))
    }
}

/// The thread's generator, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        rand::fill(bytes);
    }
}

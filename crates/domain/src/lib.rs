//! Postern's rules, and nothing else: who sends, how much, and what happens as a result.
//!
//! Nothing here does IO, reads a clock or draws a random number: time is passed in as a
//! [`Timestamp`], random bytes as an argument. The modules, in the order in which a message meets them:
//!
//! [`address`] → [`entity`] (who sends) → [`attempt`] (one message) → [`gate`] (may it go on?)
//! → [`window`] (how much was sent) → [`policy`] (how much may be sent) → [`restriction`] with its
//! [`evidence`], and [`alert`]. Whatever happens is recorded as a [`fact`].

pub mod access;
pub mod address;
pub mod alert;
pub mod attempt;
pub mod detection;
pub mod entity;
pub mod evidence;
pub mod fact;
pub mod filter;
pub mod finding;
pub mod gate;
mod invalid_setting;
pub mod organization;
pub mod policy;
pub mod reference;
pub mod restriction;
pub mod time;
pub mod traffic;
pub mod window;

pub use address::{Address, Domain};
pub use entity::{EntityId, EntityKind};
pub use fact::Fact;
pub use invalid_setting::InvalidSetting;
pub use organization::{Organization, OrganizationId};
pub use reference::Reference;
pub use time::Timestamp;

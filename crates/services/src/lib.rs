//! The gate with the state it works on, and the admins' use cases: the directory, the outbox, signing in,
//! settings as values. Nothing here depends on a mail server protocol or a user interface.

pub mod built_with;
pub mod client;
pub mod clock;
pub mod countries;
pub mod directory;
pub mod events;
pub mod gate;
pub mod health;
pub mod https;
pub mod in_force;
pub mod links;
pub mod metrics;
pub mod node;
pub mod outbox;
pub mod powershell;
pub mod present;
pub mod quoting;
pub mod randomness;
pub mod seal;
pub mod service;
pub mod settings;
pub mod sign_in;
pub mod vault;

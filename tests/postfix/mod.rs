//! On a real Postfix.

mod actions;
mod charging;
mod doctor;
mod failing;
mod gate;
mod identity;
mod outbox;
mod policies;
mod recipients;
mod replay;

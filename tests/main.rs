//! Scenarios against the real thing: real Postfix, real Dovecot, a real sink, real processes.
//!
//! Each folder is a subject, each test starts what it needs in a folder of its own on free
//! loopback ports, and ends it by process id. `harness/` holds what they share.

// A test that can't go on says so by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod alerts;
mod api;
mod attacks;
mod bad_config;
mod cli;
mod cmdlets;
mod crash;
mod daemon;
mod directory;
mod harness;
mod organizations;
mod portal;
mod postfix;
mod structure;
mod webhooks;

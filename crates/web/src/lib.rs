//! The faces that are reached over HTTP: pages for people, the API for programs, Exchange's cmdlets.
//! They call the use cases of `postern_services` and reach into nothing else.

pub mod api;
mod bearer;
pub mod cmdlets;
pub mod finish;
pub mod portal;
pub mod powershell;

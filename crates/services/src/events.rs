//! What happens, as it happens, for those who watch: restrictions, releases, alerts, policies.

use postern_domain::{OrganizationId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{broadcast, watch};

/// How far a watcher may fall behind before it misses something.
const BACKLOG: usize = 256;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// `restriction.made`, `restriction.released`, `alert.raised`, `alert.changed`, `policies.changed`,
    /// `allowance.granted` or `allowance.ended`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When.
    pub at: Timestamp,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it is about: `entity` and `reference` where there are such.
    pub data: Value,
}

/// Where events are told and watched.
#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
    closing: watch::Receiver<bool>,
}

/// Watches events.
pub struct Watcher {
    receiver: broadcast::Receiver<Event>,
    closing: watch::Receiver<bool>,
    only: Option<OrganizationId>,
}

/// What a watcher sees next.
pub enum Seen {
    /// Something happened.
    Event(Event),
    /// It was too slow and missed so many.
    Missed(u64),
}

impl Events {
    /// Watchers end when `closing` turns true.
    pub fn new(closing: watch::Receiver<bool>) -> Self {
        Self { sender: broadcast::Sender::new(BACKLOG), closing }
    }

    /// Tells of something; without a watcher nobody hears it.
    pub fn tell(&self, kind: &'static str, at: Timestamp, organization: &OrganizationId, data: Value) {
        let _ = self.sender.send(Event { kind, at, organization: organization.clone(), data });
    }

    /// Watches from now on: everything, or what is of one organization.
    pub fn watch(&self, only: Option<OrganizationId>) -> Watcher {
        Watcher { receiver: self.sender.subscribe(), closing: self.closing.clone(), only }
    }
}

impl Watcher {
    /// Waits for the next; none at the end.
    pub async fn next(&mut self) -> Option<Seen> {
        loop {
            let seen = self.next_of_any().await?;
            match &seen {
                Seen::Event(event) if self.only.as_ref().is_some_and(|only| *only != event.organization) => {}
                _ => return Some(seen),
            }
        }
    }

    async fn next_of_any(&mut self) -> Option<Seen> {
        tokio::select! {
            seen = self.receiver.recv() => match seen {
                Ok(event) => Some(Seen::Event(event)),
                Err(broadcast::error::RecvError::Lagged(missed)) => Some(Seen::Missed(missed)),
                Err(broadcast::error::RecvError::Closed) => None,
            },
            _ = self.closing.wait_for(|closing| *closing) => None,
        }
    }
}

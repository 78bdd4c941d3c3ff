//! A door for tests: it asks the gate without any protocol.

use postern_domain::EntityId;
use postern_domain::gate::Verdict;

use super::Node;
use crate::gate::{Abilities, Ask, Event, Recipients, Reports, Session, Trace, Who};

/// The abilities of a mail server of which nothing is known yet.
pub(crate) const LEARNED: Abilities = Abilities {
    reports_ends: Reports::OnceSeen,
    confirms: Reports::OnceSeen,
    reports_aborts: false,
    adds_copies: true,
    holds: false,
    sees_content: false,
};

/// The account whose mail the server sends.
pub(crate) fn alice() -> EntityId {
    EntityId::account_named("alice@example.com")
}

/// One connection of a mail server, which sends for alice.
pub(crate) struct Server<'a> {
    pub(crate) node: &'a Node,
    pub(crate) session: Session,
}

impl<'a> Server<'a> {
    pub(crate) fn new(node: &'a Node, peer: &str) -> Self {
        Self { node, session: node.gate.session(peer, LEARNED) }
    }

    pub(crate) async fn ask(&mut self, key: &str, event: Event<'_>) -> Verdict {
        let who = Who {
            login: "alice@example.com",
            client_address: Some("203.0.113.9".parse().unwrap()),
            certificate: None,
            envelope_sender: "alice@example.com",
        };
        let ask = Ask { who, message: key, event, trace: Trace::default() };
        self.node.gate.answer(&ask, &mut self.session).await
    }

    pub(crate) async fn recipient(&mut self, key: &str, to: &str) -> Verdict {
        self.ask(key, Event::Recipient(to)).await
    }

    pub(crate) async fn end(&mut self, key: &str, recipients: u32) -> Verdict {
        self.ask(key, Event::End(Recipients::Count(recipients))).await
    }

    /// Sends a whole message to this many external recipients; returns the first verdict that is not a pass.
    pub(crate) async fn message(&mut self, key: &str, recipients: u32) -> Verdict {
        for number in 0..recipients {
            let verdict = self.recipient(key, &format!("r{number}@x.example")).await;
            if verdict != Verdict::Pass {
                return verdict;
            }
        }
        self.end(key, recipients).await
    }

    /// The client is gone, and its connection is closed.
    pub(crate) async fn close(self) {
        self.node.gate.close(self.session).await;
    }
}

//! What is known of a message in progress, to be recorded as its attempt if nobody reports how it ends.

use std::net::IpAddr;

use postern_domain::Timestamp;
use postern_domain::evidence::Outcome;
use postern_domain::window::Charge;
use postern_ledger::AttemptRef;

use super::ask::Ask;

/// The last question about a message. Its texts share one allocation, which the next question uses again.
#[derive(Debug, Default)]
pub(super) struct Unreported {
    client_address: Option<IpAddr>,
    size: u64,
    /// HELO name, SASL method, envelope sender and queue ID, one after the other.
    text: String,
    /// Where each of them ends in `text`.
    ends: [usize; 4],
}

/// Nothing is known of a message whose mail server reported ends when it asked last.
pub(super) static NOTHING: Unreported = Unreported { client_address: None, size: 0, text: String::new(), ends: [0; 4] };

impl Unreported {
    pub(super) fn note(&mut self, ask: &Ask<'_>) {
        (self.client_address, self.size) = (ask.who.client_address, ask.trace.size);
        self.text.clear();
        let texts = [ask.trace.helo_name, ask.trace.sasl_method, ask.who.envelope_sender, ask.trace.queue_id];
        self.text.reserve_exact(texts.iter().map(|text| text.len()).sum());
        for (text, end) in texts.into_iter().zip(&mut self.ends) {
            self.text.push_str(text);
            *end = self.text.len();
        }
    }

    /// The message as one accepted at `at` to the recipients in `charge`.
    pub(super) fn record(&self, charge: Charge, at: Timestamp) -> AttemptRef<'_> {
        let [helo, method, sender, queue_id] = self.ends;
        AttemptRef {
            at,
            client_address: self.client_address,
            helo_name: &self.text[..helo],
            sasl_method: &self.text[helo..method],
            sender: &self.text[method..sender],
            queue_id: &self.text[sender..queue_id],
            recipients: charge.recipients(),
            external: charge.external,
            size: self.size,
            outcome: Outcome::Accepted,
        }
    }
}

//! Turns log entries into messages: who sent each, when, and to whom.

use hashbrown::{HashMap, HashSet};
use postern_domain::attempt::Class;
use postern_domain::entity::{self, Client, Directory};
use postern_domain::{EntityId, Timestamp};
use postern_wire::maillog::{Entry, Line};

/// A message sent by an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) at: Timestamp,
    pub(super) entity: EntityId,
    /// Its recipients, in the order of the log.
    pub(super) recipients: Vec<Recipient>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) class: Class,
    pub(super) escape_lane: bool,
}

impl From<&entity::Recipient> for Recipient {
    fn from(recipient: &entity::Recipient) -> Self {
        Self { class: Class::of(recipient), escape_lane: recipient.escape_lane }
    }
}

/// A message that the log has not finished yet.
struct Open {
    at: Timestamp,
    /// None while the sender is unknown, if the envelope sender decides.
    entity: Option<EntityId>,
    seen: HashSet<Box<str>>,
    recipients: Vec<Recipient>,
    expected: u32,
}

/// Collects log entries into messages.
pub(super) struct Collector<'a> {
    directory: &'a Directory,
    open: HashMap<Box<str>, Open>,
    /// Logins by smtpd process: log lines of refused messages lack them.
    logins: HashMap<Box<str>, EntityId>,
    messages: Vec<Message>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(directory: &'a Directory) -> Self {
        Self { directory, open: HashMap::new(), logins: HashMap::new(), messages: Vec::new() }
    }

    pub(super) fn line(&mut self, at: Timestamp, line: &Line<'_>) {
        let Some(entry) = line.entry() else { return };
        match entry {
            Entry::Queued { queue_id, client_address, sasl_username } => {
                let client = Client { sasl_username, address: client_address, sender: "" };
                let entity = self.directory.entity(client);
                if entity.is_none() && !self.directory.trust_envelope_sender {
                    return;
                }
                if let Some(entity) = entity.as_ref().filter(|_| !line.pid.is_empty()) {
                    self.logins.insert(line.pid.into(), entity.clone());
                }
                let open = Open { at, entity, seen: HashSet::new(), recipients: Vec::new(), expected: 0 };
                // A queue ID may be reused: the earlier message with it is finished.
                if let Some(former) = self.open.insert(queue_id.into(), open) {
                    self.finish(former);
                }
            }
            Entry::Active { queue_id, sender, recipients } => {
                if let Some(open) = self.open.get_mut(queue_id) {
                    open.expected = open.expected.max(recipients);
                    if open.entity.is_none() {
                        open.entity = self.directory.entity(Client { sasl_username: "", address: None, sender });
                    }
                }
            }
            Entry::Delivery { queue_id, recipient } => {
                if let Some(open) = self.open.get_mut(queue_id) {
                    // The entity, if any, may become known only when the message is finished.
                    let sender = open.entity.clone().unwrap_or_else(|| EntityId::account_named(""));
                    let recipient = self.directory.recipient(&sender, recipient);
                    if open.seen.insert(recipient.address.as_str().into()) {
                        open.recipients.push((&recipient).into());
                    }
                }
            }
            Entry::Removed { queue_id } => {
                if let Some(open) = self.open.remove(queue_id) {
                    self.finish(open);
                }
            }
            Entry::Restricted { pid, client_address, sender, recipient, reference: _ } => {
                let client = Client { sasl_username: "", address: client_address, sender };
                let known = self.logins.get(pid).cloned().or_else(|| self.directory.entity(client));
                // Without an earlier login in the session, the sender is the best guess.
                let entity = known.unwrap_or_else(|| self.directory.account(sender));
                let recipient = self.directory.recipient(&entity, recipient);
                let recipients = vec![(&recipient).into()];
                self.messages.push(Message { at, entity, recipients });
            }
            Entry::Disconnected { pid } => {
                self.logins.remove(pid);
            }
        }
    }

    fn finish(&mut self, open: Open) {
        let Some(entity) = open.entity else { return };
        let mut recipients = open.recipients;
        // Recipients that the log does not show count as external.
        let unseen = (open.expected as usize).saturating_sub(recipients.len());
        recipients.extend(std::iter::repeat_n(Recipient { class: Class::External, escape_lane: false }, unseen));
        // A message without a recipient was abandoned before it was sent.
        if !recipients.is_empty() {
            self.messages.push(Message { at: open.at, entity, recipients });
        }
    }

    /// All messages, in the order in which they were sent.
    pub(super) fn into_messages(mut self) -> Vec<Message> {
        let unfinished: Vec<Open> = std::mem::take(&mut self.open).into_values().collect();
        for open in unfinished {
            self.finish(open);
        }
        self.messages.sort_by_key(|message| message.at);
        self.messages
    }
}

//! The question that every door asks the gate, whatever protocol it speaks.

use std::net::IpAddr;

/// A question about one message.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who sends it.
    pub who: Who<'a>,
    /// The door's key for the message: the same in every question about it, and different for every other message of
    /// the same sender.
    pub message: &'a str,
    /// What has happened to it.
    pub event: Event<'a>,
    /// What evidence shows of it.
    pub trace: Trace<'a>,
}

/// Who sends a message, as far as the mail server knows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Who<'a> {
    /// The authenticated login; empty without one.
    pub login: &'a str,
    /// The client's address.
    pub client_address: Option<IpAddr>,
    /// The client's TLS certificate, if the mail server has verified one.
    pub certificate: Option<Certificate<'a>>,
    /// The envelope sender, which anybody can forge.
    pub envelope_sender: &'a str,
}

/// A client's TLS certificate.
#[derive(Debug, Clone, Copy)]
pub struct Certificate<'a> {
    /// The subject's common name.
    pub name: &'a str,
    /// Its fingerprint, in hexadecimal.
    pub fingerprint: &'a str,
}

/// What has happened to a message.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The client has named a recipient, and the mail server is about to accept it.
    Recipient(&'a str),
    /// The mail server's other rules have accepted a recipient.
    Confirmed(&'a str),
    /// The client is about to send the content.
    Data(Recipients<'a>),
    /// The message is complete, and the mail server is about to accept it for these recipients.
    End(Recipients<'a>),
    /// The message is complete, and nothing was asked about it before.
    Whole(&'a [&'a str]),
    /// The client has abandoned the message, or the mail server has refused it.
    Aborted,
}

/// The recipients of a whole message.
#[derive(Debug, Clone, Copy)]
pub enum Recipients<'a> {
    /// How many there are; 0 if that is unknown too.
    Count(u32),
    /// Which ones.
    List(&'a [&'a str]),
}

impl Event<'_> {
    /// The recipient that the event is about: the one that was named, or the message's only one. Empty if there is none.
    pub(super) fn recipient(&self) -> &str {
        match self {
            Event::Recipient(one) | Event::Confirmed(one) => one,
            Event::Data(Recipients::List([one])) | Event::End(Recipients::List([one])) | Event::Whole([one]) => one,
            _ => "",
        }
    }
}

impl Recipients<'_> {
    pub(super) fn count(&self) -> u32 {
        match self {
            Recipients::Count(count) => *count,
            Recipients::List(list) => u32::try_from(list.len()).unwrap_or(u32::MAX),
        }
    }
}

/// What evidence shows of a message; all of it may be unknown, and empty then.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trace<'a> {
    /// The name that the client gave in HELO or EHLO.
    pub helo_name: &'a str,
    /// The client's SASL method.
    pub sasl_method: &'a str,
    /// The mail server's queue ID.
    pub queue_id: &'a str,
    /// The size in bytes; 0 if unknown.
    pub size: u64,
}

/// What a door can do with its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// Whether it reports how messages end. A message whose end is not reported is counted as accepted.
    pub reports_ends: Reports,
    /// Whether it reports which recipients the mail server's other rules have accepted.
    pub confirms: Reports,
    /// Whether it reports messages that are abandoned; otherwise, the next message on the same connection shows it.
    pub reports_aborts: bool,
    /// Whether it can add a recipient that gets a copy.
    pub adds_copies: bool,
    /// Whether it can have the mail server hold a message.
    pub holds: bool,
    /// Whether it sees the content of messages.
    pub sees_content: bool,
}

/// Whether something is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reports {
    /// The protocol requires it.
    Always,
    /// It depends on how the mail server is configured: assumed once it has been seen.
    OnceSeen,
}

impl Reports {
    pub(super) fn always(self) -> bool {
        self == Reports::Always
    }
}

//! Parses lines of Postfix's log for what they report about messages.
//!
//! Lines have a traditional timestamp (`Nov 25 21:54:51`), an RFC 3339 timestamp, or come as the fields
//! of the journal's export format. For each message, smtpd logs who sent it, qmgr logs the number of
//! recipients, and the delivery agents log each recipient (postlogd(8), smtpd(8), qmgr(8)).

use std::net::IpAddr;

/// One line of a log file, split into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The time as written in the log.
    pub time: &'a str,
    /// The program, such as `postfix/smtpd`.
    pub program: &'a str,
    /// The process ID of the program.
    pub pid: &'a str,
    /// The text of the log message.
    pub message: &'a str,
}

/// What a line reports about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// smtpd accepted a message.
    Queued {
        /// The message's queue id.
        queue_id: &'a str,
        /// The client's address, if it can be read.
        client_address: Option<IpAddr>,
        /// The login name; empty without a login.
        sasl_username: &'a str,
    },
    /// qmgr has put the message into its active queue, for the first time or again.
    Active {
        /// The message's queue id.
        queue_id: &'a str,
        /// The envelope sender.
        sender: &'a str,
        /// How many recipients the message has.
        recipients: u32,
    },
    /// A delivery to a recipient, as the client named it.
    Delivery {
        /// The message's queue id.
        queue_id: &'a str,
        /// The recipient, as written in the log.
        recipient: &'a str,
    },
    /// The message was removed from the queue; no more lines about it follow.
    Removed {
        /// The message's queue id.
        queue_id: &'a str,
    },
    /// A recipient was refused because the sender is restricted.
    Restricted {
        /// The ID of the smtpd process, which has one session at a time.
        pid: &'a str,
        /// The client's address, if it can be read.
        client_address: Option<IpAddr>,
        /// The envelope sender.
        sender: &'a str,
        /// The recipient, as written in the log.
        recipient: &'a str,
        /// The incident's reference, such as `PR-7K3F-9QXD`.
        reference: &'a str,
    },
    /// A session ended.
    Disconnected {
        /// The ID of the smtpd process.
        pid: &'a str,
    },
}

/// Length of `Nov 25 21:54:51`.
const TRADITIONAL: usize = 15;

impl<'a> Line<'a> {
    /// Splits a line of a log file into its parts; `None` if it is not a log line.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (time, rest) = if line.as_bytes().first()?.is_ascii_digit() {
            line.split_once(' ')?
        } else {
            (line.get(..TRADITIONAL)?, line.get(TRADITIONAL..)?.strip_prefix(' ')?)
        };
        let (_host, rest) = rest.split_once(' ')?;
        let (tag, message) = rest.split_once(": ")?;
        let (program, pid) = match tag.split_once('[') {
            Some((program, pid)) => (program, pid.strip_suffix(']')?),
            None => (tag, ""),
        };
        Some(Self { time, program, pid, message })
    }

    /// What the line reports about a message; `None` if it is about something else.
    pub fn entry(&self) -> Option<Entry<'a>> {
        if !self.program.starts_with("postfix") {
            return None;
        }
        let service = self.program.rsplit_once('/').map_or(self.program, |(_, service)| service);
        match service {
            "smtpd" => self.smtpd(),
            "qmgr" | "oqmgr" => qmgr(self.message),
            _ => delivery(self.message),
        }
    }

    fn smtpd(&self) -> Option<Entry<'a>> {
        if self.message.starts_with("disconnect from ") {
            return Some(Entry::Disconnected { pid: self.pid });
        }
        let (queue_id, rest) = self.message.split_once(": ")?;
        if let Some(rest) = rest.strip_prefix("client=") {
            let sasl_username = after(rest, ", sasl_username=").map_or("", |login| until(login, ", "));
            return Some(Entry::Queued { queue_id, client_address: address(rest), sasl_username });
        }
        let rest = rest.strip_prefix("reject: ")?;
        if !rest.contains("Access denied, bad outbound sender")
            && !rest.contains("Access denied, bad inbound connector")
        {
            return None;
        }
        let reference = after(rest, " (PR-").and_then(|_| rest.split_once(" (")).map(|(_, text)| until(text, ")"))?;
        Some(Entry::Restricted {
            pid: self.pid,
            client_address: after(rest, " from ").and_then(address),
            sender: until(after(rest, "; from=<")?, ">"),
            recipient: after(rest, " to=<").map_or("", |to| until(to, ">")),
            reference,
        })
    }
}

fn qmgr(message: &str) -> Option<Entry<'_>> {
    let (queue_id, rest) = message.split_once(": ")?;
    if rest == "removed" {
        return Some(Entry::Removed { queue_id });
    }
    let sender = until(rest.strip_prefix("from=<")?, ">,");
    let recipients = until(after(rest, ", nrcpt=")?, " ").parse().ok()?;
    Some(Entry::Active { queue_id, sender, recipients })
}

fn delivery(message: &str) -> Option<Entry<'_>> {
    let (queue_id, rest) = message.split_once(": ")?;
    let rest = rest.strip_prefix("to=<")?;
    // If an alias was expanded, orig_to is the address that the client named.
    let recipient = match after(rest, ">, orig_to=<") {
        Some(original) => until(original, ">"),
        None => until(rest, ">,"),
    };
    Some(Entry::Delivery { queue_id, recipient })
}

/// The address in `name[address]`.
fn address(text: &str) -> Option<IpAddr> {
    let inside = until(text.split_once('[')?.1, "]");
    inside.strip_prefix("IPv6:").unwrap_or(inside).parse().ok()
}

fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    memchr::memmem::find(text.as_bytes(), mark.as_bytes()).map(|at| &text[at + mark.len()..])
}

fn until<'a>(text: &'a str, mark: &str) -> &'a str {
    text.split_once(mark).map_or(text, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(line: &str) -> Option<Entry<'_>> {
        Line::parse(line).and_then(|line| line.entry())
    }

    #[test]
    fn lines_are_taken_apart_whatever_their_time_is() {
        let line =
            Line::parse("Nov  5 01:02:03 mail postfix/submission/smtpd[26217]: connect from x[1.2.3.4]").unwrap();
        assert_eq!((line.time, line.program, line.pid), ("Nov  5 01:02:03", "postfix/submission/smtpd", "26217"));
        let line = Line::parse("2026-11-25T21:54:51.755796+01:00 mail postfix/qmgr[1]: A: removed").unwrap();
        assert_eq!((line.time, line.message), ("2026-11-25T21:54:51.755796+01:00", "A: removed"));
        for other in
            ["", "x", "Nov 25", "Nov 25 21:54:51", "2026", "ä€ä€ä€ä€ä€ä€ x y: z", "Nov 25 21:54:51 mail kernel"]
        {
            assert_eq!(Line::parse(other).and_then(|l| l.entry()), None, "{other}");
        }
    }

    #[test]
    fn a_message_is_told_by_three_programs() {
        let line = "Nov 25 21:54:51 mail postfix/smtpd[26]: C512D99: client=h.example[192.0.2.7], sasl_method=PLAIN, sasl_username=alice@example.com";
        let client_address = "192.0.2.7".parse().ok();
        let queued = Entry::Queued { queue_id: "C512D99", client_address, sasl_username: "alice@example.com" };
        assert_eq!(entry(line), Some(queued));
        let line =
            "Nov 25 21:54:51 mail postfix/qmgr[26]: C512D99: from=<a@x.example>, size=4796, nrcpt=3 (queue active)";
        assert_eq!(entry(line), Some(Entry::Active { queue_id: "C512D99", sender: "a@x.example", recipients: 3 }));
        let line = "Nov 25 21:54:51 mail postfix/smtp[26]: C512D99: to=<r1@outside.example>, relay=mx[192.0.2.1]:25, delay=0.1, delays=0.07/0.01/0/0, dsn=2.0.0, status=sent (250 2.0.0 Ok)";
        assert_eq!(entry(line), Some(Entry::Delivery { queue_id: "C512D99", recipient: "r1@outside.example" }));
        let line = "Nov 25 21:54:51 mail postfix/local[26]: C512D99: to=<root@x.example>, orig_to=<postmaster>, relay=local, status=sent (x)";
        assert_eq!(entry(line), Some(Entry::Delivery { queue_id: "C512D99", recipient: "postmaster" }));
        assert_eq!(
            entry("Nov 25 21:54:51 mail postfix/qmgr[1]: C512D99: removed"),
            Some(Entry::Removed { queue_id: "C512D99" })
        );
        assert_eq!(entry("Nov 25 21:54:51 mail dovecot: lmtp(1): C512D99: removed"), None);
        assert_eq!(entry("Nov 25 21:54:51 mail postfix/cleanup[1]: C512D99: message-id=<x>"), None);
    }

    #[test]
    fn our_own_refusals_are_recognised() {
        let line = "Nov 25 21:54:51 mail postfix/smtpd[77]: NOQUEUE: reject: RCPT from localhost[127.0.0.1]: 550 5.1.8 <alice@example.com>: Sender address rejected: Access denied, bad outbound sender (PR-GQZ8-2FRE). Contact your email admin for assistance.; from=<alice@example.com> to=<r2@outside.example> proto=ESMTP helo=<client.example>";
        let expected = Entry::Restricted {
            pid: "77",
            client_address: "127.0.0.1".parse().ok(),
            sender: "alice@example.com",
            recipient: "r2@outside.example",
            reference: "PR-GQZ8-2FRE",
        };
        assert_eq!(entry(line), Some(expected));
        let other = line.replace("Access denied, bad outbound sender (PR-GQZ8-2FRE)", "Domain not found");
        assert_eq!(entry(&other), None);
        assert_eq!(
            entry("Nov 25 21:54:51 mail postfix/smtpd[77]: disconnect from x[1.2.3.4]"),
            Some(Entry::Disconnected { pid: "77" })
        );
    }

    proptest! {
        #[test]
        fn no_line_panics(text in "\\PC{0,120}") {
            let _ = entry(&text);
            let _ = entry(&format!("Nov 25 21:54:51 mail postfix/smtpd[1]: {text}"));
            let _ = entry(&format!("Nov 25 21:54:51 mail postfix/smtp[1]: A: to=<{text}"));
        }
    }
}

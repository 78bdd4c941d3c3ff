//! Writes non-delivery reports (RFC 3464, in a multipart/report as in RFC 6522).

use std::time::Duration;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};

/// A report that a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonDeliveryReport<'a> {
    /// The name and address in From; the envelope sender of a report is empty (RFC 3464 section 2).
    pub from: (&'a str, &'a str),
    /// The address that gets the report.
    pub to: &'a str,
    /// The subject of the message that was refused.
    pub subject: &'a str,
    /// The report's Message-ID without angle brackets.
    pub message_id: &'a str,
    /// The report's date, as time since the Unix epoch.
    pub date: Duration,
    /// What happened and what to do, as plain text.
    pub text: &'a str,
    /// The same text as HTML.
    pub html: &'a str,
    /// The host that refused the message.
    pub reporting_mta: &'a str,
    /// The recipient that was refused.
    pub final_recipient: &'a str,
    /// The enhanced status code.
    pub status: &'a str,
    /// The SMTP reply as the client saw it.
    pub diagnostic: &'a str,
}

impl NonDeliveryReport<'_> {
    /// The message, ready to be sent with an empty envelope sender.
    ///
    /// # Errors
    /// None in practice: writing to memory does not fail.
    pub fn to_message(&self) -> std::io::Result<Vec<u8>> {
        let human = MimePart::new(
            "multipart/alternative",
            BodyPart::Multipart(vec![
                MimePart::new("text/plain", BodyPart::Text(self.text.into())),
                MimePart::new("text/html", BodyPart::Text(self.html.into())),
            ]),
        );
        let machine = MimePart::new("message/delivery-status", BodyPart::Text(self.delivery_status().into()))
            .transfer_encoding("7bit");
        let report = MimePart::new(
            ContentType::new("multipart/report").attribute("report-type", "delivery-status"),
            BodyPart::Multipart(vec![human, machine]),
        );
        MessageBuilder::new()
            .from(Address::new_address(Some(self.from.0), self.from.1))
            .to(Address::new_address(None::<&str>, self.to))
            .subject(self.subject)
            .message_id(MessageId::new(self.message_id))
            .date(Date::new(i64::try_from(self.date.as_secs()).unwrap_or(i64::MAX)))
            // RFC 3834 section 5: keeps autoresponders from replying.
            .header("Auto-Submitted", Raw::new("auto-replied"))
            .body(report)
            .write_to_vec()
    }

    /// The per-message and per-recipient fields (RFC 3464 sections 2.2 and 2.3).
    fn delivery_status(&self) -> String {
        let field = |text: &str| text.replace(['\r', '\n'], " ");
        format!(
            "Reporting-MTA: dns; {}\r\n\r\nFinal-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: {}\r\nDiagnostic-Code: smtp; {}\r\n",
            field(self.reporting_mta),
            field(self.final_recipient),
            field(self.status),
            field(self.diagnostic),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_delivery_status_report() {
        let report = NonDeliveryReport {
            from: ("Mail Delivery System", "MAILER-DAEMON@example.com"),
            to: "alice@example.com",
            subject: "Undeliverable",
            message_id: "x@example.com",
            date: Duration::from_secs(1_795_629_600),
            text: "Your message couldn't be delivered.",
            html: "<p>Your message couldn't be delivered.</p>",
            reporting_mta: "mail.example.com",
            final_recipient: "bob@example.net",
            status: "5.1.8",
            diagnostic: "550 5.1.8 Access denied, bad outbound sender",
        };
        let text = String::from_utf8(report.to_message().unwrap()).unwrap();
        for part in [
            "Content-Type: multipart/report; report-type=\"delivery-status\"",
            "Content-Type: message/delivery-status",
            "Reporting-MTA: dns; mail.example.com\r\n\r\nFinal-Recipient: rfc822; bob@example.net\r\n",
            "Action: failed\r\nStatus: 5.1.8\r\n",
            "Diagnostic-Code: smtp; 550 5.1.8 Access denied, bad outbound sender\r\n",
            "Auto-Submitted: auto-replied",
            "Content-Type: text/plain; charset=\"utf-8\"\r\n",
            "Date: Wed, 25 Nov 2026 18:00:00 +0000",
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }
}

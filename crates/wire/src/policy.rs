//! A codec for Postfix's policy delegation protocol (SMTPD_POLICY_README).
//!
//! A request is a block of `name=value` lines that ends with an empty line; the answer is `action=…`
//! and an empty line. Attributes may come in any order, unknown ones are ignored, and a value may
//! itself contain `=`.

mod attributes;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use memchr::memmem;

pub use attributes::Attributes;

/// The `policy_context` of the requests that confirm recipients; see `postern wiring postfix`.
pub const CONFIRM_CONTEXT: &str = "confirm";

/// The maximum sizes of a request; a larger request is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// The longest line in bytes, without its newline.
    pub line: usize,
    /// The longest request in bytes, including the empty line at its end.
    pub request: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { line: 16 * 1024, request: 64 * 1024 }
    }
}

/// Why bytes are not a valid policy request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A line without `=`.
    #[error("line {line} has no '=': {text:?}")]
    NoEquals {
        /// Counted from 1.
        line: usize,
        /// The start of the line.
        text: String,
    },
    /// A line without a name before the `=`.
    #[error("line {line} has no attribute name before '='")]
    NoName {
        /// Counted from 1.
        line: usize,
    },
    /// A line longer than allowed.
    #[error("a line is longer than {limit} bytes")]
    LineTooLong {
        /// The most that is allowed.
        limit: usize,
    },
    /// A request longer than allowed.
    #[error("the request is longer than {limit} bytes")]
    RequestTooLong {
        /// The most that is allowed.
        limit: usize,
    },
    /// A NUL byte, which no attribute may contain.
    #[error("line {line} holds a NUL byte")]
    Nul {
        /// Counted from 1.
        line: usize,
    },
    /// An attribute that is given twice. No mail server does this, and it would be unclear which value
    /// applies.
    #[error("attribute {name} is given twice")]
    Duplicate {
        /// The name of the attribute at fault.
        name: &'static str,
    },
    /// A required attribute is missing.
    #[error("attribute {name} is missing")]
    Missing {
        /// The name of the attribute at fault.
        name: &'static str,
    },
    /// A value that cannot be parsed.
    #[error("attribute {name} is {value:?}, expected {expected}")]
    Value {
        /// The name of the attribute at fault.
        name: &'static str,
        /// The value that was given.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// The stage of the SMTP dialogue at which the mail server sends the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// When the client connects.
    Connect,
    /// At `EHLO` or `HELO`.
    Helo,
    /// At `MAIL FROM`.
    Mail,
    /// At each `RCPT TO`.
    Rcpt,
    /// At `DATA` (or the first `BDAT`).
    Data,
    /// After the message has been received.
    EndOfMessage,
    /// At `VRFY`, `ETRN`, or a stage that only a later Postfix has.
    Other,
}

impl Stage {
    fn parse(text: &str) -> Self {
        match text {
            "CONNECT" => Stage::Connect,
            "HELO" | "EHLO" => Stage::Helo,
            "MAIL" => Stage::Mail,
            "RCPT" => Stage::Rcpt,
            "DATA" | "BDAT" => Stage::Data,
            "END-OF-MESSAGE" => Stage::EndOfMessage,
            _ => Stage::Other,
        }
    }

    /// Postfix's name for the stage.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Connect => "CONNECT",
            Stage::Helo => "HELO",
            Stage::Mail => "MAIL",
            Stage::Rcpt => "RCPT",
            Stage::Data => "DATA",
            Stage::EndOfMessage => "END-OF-MESSAGE",
            Stage::Other => "other",
        }
    }
}

/// A parsed policy request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Where in the dialogue.
    pub stage: Stage,
    /// The client's address; `None` if the mail server doesn't know it.
    pub client_address: Option<IpAddr>,
    /// Accepted recipients; 0 before DATA.
    pub recipient_count: u32,
    /// The message size in bytes; 0 if unknown.
    pub size: u64,
    /// All attributes as received.
    pub text: Attributes<'a>,
}

static EMPTY_LINE: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\n\n"));

/// Finds the end of the first request in `buffer`: the number of bytes up to and including the empty
/// line at its end, or `None` if the request is incomplete. The first `scanned` bytes are known not
/// to contain the end.
///
/// # Errors
/// A line or the request is longer than `limits` allows.
pub fn find_end(buffer: &[u8], scanned: usize, limits: RequestLimits) -> Result<Option<usize>, Malformed> {
    // An empty line at the very start is a request without attributes.
    let end = if buffer.first() == Some(&b'\n') {
        Some(1)
    } else {
        let from = scanned.saturating_sub(1).min(buffer.len());
        EMPTY_LINE.find(&buffer[from..]).map(|at| from + at + 2)
    };
    let length = end.unwrap_or(buffer.len());
    if length > limits.request {
        return Err(Malformed::RequestTooLong { limit: limits.request });
    }
    // A line can only be too long if the request is.
    if length > limits.line {
        let longest = buffer[..length].split(|&b| b == b'\n').map(<[u8]>::len).max();
        if longest.unwrap_or(0) > limits.line {
            return Err(Malformed::LineTooLong { limit: limits.line });
        }
    }
    Ok(end)
}

/// The bytes of a request as text. Bytes that are not valid UTF-8 (RFC 6531) are written as `\xNN`,
/// so that different bytes remain different.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut out = String::with_capacity(bytes.len() + 16);
            for chunk in bytes.utf8_chunks() {
                out.push_str(chunk.valid());
                for byte in chunk.invalid() {
                    out.push_str(&format!("\\x{byte:02X}"));
                }
            }
            Cow::Owned(out)
        }
    }
}

impl<'a> Request<'a> {
    /// Parses one request, with or without the empty line at its end.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn parse(block: &'a str) -> Result<Self, Malformed> {
        let text = attributes::read(block)?;
        if text.request.is_empty() {
            return Err(Malformed::Missing { name: "request" });
        }
        if text.request != "smtpd_access_policy" {
            return Err(Malformed::Value {
                name: "request",
                value: start_of(text.request),
                expected: "smtpd_access_policy",
            });
        }
        if text.protocol_state.is_empty() {
            return Err(Malformed::Missing { name: "protocol_state" });
        }
        let stage = Stage::parse(text.protocol_state);
        let of_a_message = matches!(stage, Stage::Rcpt | Stage::Data | Stage::EndOfMessage);
        if of_a_message && text.instance.is_empty() {
            return Err(Malformed::Missing { name: "instance" });
        }
        if stage == Stage::Rcpt && text.recipient.is_empty() {
            return Err(Malformed::Missing { name: "recipient" });
        }
        Ok(Self {
            stage,
            client_address: text.client_address.parse().ok(),
            recipient_count: number("recipient_count", text.recipient_count)?,
            size: number("size", text.size)?,
            text,
        })
    }
}

fn number<N: std::str::FromStr + Default>(name: &'static str, value: &str) -> Result<N, Malformed> {
    if value.is_empty() {
        return Ok(N::default());
    }
    value.parse().map_err(|_| Malformed::Value { name, value: start_of(value), expected: "a whole number" })
}

/// The start of a value, long enough to recognise it in a log line.
fn start_of(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Writes the answer to `out`; `action` is an access(5) action on one line.
pub fn encode_action(out: &mut Vec<u8>, action: &str) {
    out.extend_from_slice(b"action=");
    // A line break would end the answer early and start the next one.
    out.extend(action.bytes().map(|b| if b == b'\n' || b == b'\r' { b' ' } else { b }));
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests;

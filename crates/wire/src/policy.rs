//! A codec for Postfix's policy delegation protocol (SMTPD_POLICY_README).
//!
//! A request is a block of `name=value` lines that ends with an empty line; the answer is `action=…`
//! and an empty line. Attributes may come in any order, unknown ones are ignored, and a value may
//! itself contain `=`.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::LazyLock;

use memchr::memmem;

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

macro_rules! attributes {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Every attribute that Postfix 3.7 to 3.10 sends, as text, in Postfix's order; empty if it was
        /// not given.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Attributes<'a> { $($(#[$doc])* pub $field: &'a str,)+ }

        const NAMES: [&str; [$(stringify!($field)),+].len()] = [$(stringify!($field)),+];

        /// Reads attributes that are in Postfix's order from the start of `block`, of which every line must end. Any may
        /// be missing. Returns how many bytes were read, and sets a bit of `seen` for each attribute.
        fn read_in_order<'a>(block: &'a str, values: &mut [&'a str; NAMES.len()], seen: &mut u64) -> usize {
            let (mut rest, mut place) = (block, 0);
            // Unrolled, since it runs for every request: comparing with names of known length takes no calls.
            $(
                if let Some(value) = rest.strip_prefix(concat!(stringify!($field), "="))
                    && let Some(end) = memchr::memchr(b'\n', value.as_bytes())
                {
                    values[place] = &value[..end];
                    *seen |= 1 << place;
                    rest = &value[end + 1..];
                }
                place += 1;
            )+
            debug_assert_eq!(place, NAMES.len());
            block.len() - rest.len()
        }

        impl<'a> Attributes<'a> {
            /// Builds attributes from values in the order of [`NAMES`].
            fn from_values([$($field),+]: [&'a str; NAMES.len()]) -> Self {
                Self { $($field),+ }
            }

            /// Writes the request to `out`, without empty attributes.
            pub fn encode(&self, out: &mut Vec<u8>) {
                $(if !self.$field.is_empty() {
                    out.extend_from_slice(concat!(stringify!($field), "=").as_bytes());
                    out.extend_from_slice(self.$field.as_bytes());
                    out.push(b'\n');
                })+
                out.push(b'\n');
            }
        }
    };
}

attributes! {
    /// The kind of request, always `smtpd_access_policy`.
    request,
    /// Where in the dialogue.
    protocol_state,
    /// `SMTP` or `ESMTP`.
    protocol_name,
    /// The client's address.
    client_address,
    /// The client's verified name, or `unknown`.
    client_name,
    /// The client's port (3.2 and later).
    client_port,
    /// The client's unverified name, or `unknown`.
    reverse_client_name,
    /// The address that the client connected to (3.2 and later).
    server_address,
    /// The port that the client connected to (3.2 and later).
    server_port,
    /// The name the client gave in HELO or EHLO.
    helo_name,
    /// The envelope sender; empty for bounces.
    sender,
    /// The envelope recipient; empty at DATA if there are several.
    recipient,
    /// Accepted recipients; 0 before DATA.
    recipient_count,
    /// Empty before the first recipient is accepted.
    queue_id,
    /// An identifier that is the same in every request about one message.
    instance,
    /// The message size in bytes: as announced, later as received.
    size,
    /// The domain that ETRN names.
    etrn_domain,
    /// Non-empty when the mail server is overloaded.
    stress,
    /// How the client authenticated.
    sasl_method,
    /// The SASL login name; empty where there was none.
    sasl_username,
    /// The `AUTH=` sender of MAIL FROM.
    sasl_sender,
    /// Client certificate: subject common name.
    ccert_subject,
    /// Client certificate: issuer common name.
    ccert_issuer,
    /// Client certificate: fingerprint.
    ccert_fingerprint,
    /// Client certificate: public key fingerprint.
    ccert_pubkey_fingerprint,
    /// The version of TLS.
    encryption_protocol,
    /// The cipher of the TLS connection.
    encryption_cipher,
    /// TLS key bits.
    encryption_keysize,
    /// The context configured for each use of the service in `main.cf` (3.1 and later).
    policy_context,
    /// Compatibility level (3.8 and later).
    compatibility_level,
    /// Postfix's version (3.8 and later).
    mail_version,
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
        let text = read_attributes(block)?;
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

fn read_attributes(block: &str) -> Result<Attributes<'_>, Malformed> {
    if memchr::memchr(0, block.as_bytes()).is_some() {
        let line = block.lines().position(|line| line.contains('\0')).unwrap_or(0) + 1;
        return Err(Malformed::Nul { line });
    }
    let mut values = [""; NAMES.len()];
    let mut seen = 0u64;
    let read = read_in_order(block, &mut values, &mut seen);
    let rest = &block[read..];
    let rest = rest.strip_suffix("\n\n").or_else(|| rest.strip_suffix('\n')).unwrap_or(rest);
    if rest.is_empty() {
        return Ok(Attributes::from_values(values));
    }
    for (index, line) in rest.split('\n').enumerate() {
        let number = || block[..read].lines().count() + index + 1;
        let Some((name, value)) = line.split_once('=') else {
            return Err(Malformed::NoEquals { line: number(), text: start_of(line) });
        };
        if name.is_empty() {
            return Err(Malformed::NoName { line: number() });
        }
        if let Some(place) = NAMES.iter().position(|known| *known == name) {
            let bit = 1u64 << place;
            if seen & bit != 0 {
                return Err(Malformed::Duplicate { name: NAMES[place] });
            }
            seen |= bit;
            values[place] = value;
        }
    }
    Ok(Attributes::from_values(values))
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

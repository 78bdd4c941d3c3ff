//! The attributes of a policy request.

use super::{Malformed, start_of};

macro_rules! attributes {
    ($($(#[$doc:meta])* $field:ident),+ $(,)?) => {
        /// Every attribute that Postfix 3.7 to 3.10 sends, as text, in Postfix's order; empty if it was
        /// not given.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Attributes<'a> { $($(#[$doc])* pub $field: &'a str,)+ }

        const NAMES: [&str; [$(stringify!($field)),+].len()] = [$(stringify!($field)),+];

        /// Reads attributes from the start of `block` that are in Postfix's order; any may be missing. Sets a bit of `seen`
        /// for each. Returns where the next line starts, which is past the end after the last one.
        fn read_in_order<'a>(block: &'a str, values: &mut [&'a str; NAMES.len()], seen: &mut u64) -> usize {
            let (mut next, mut place) = (0, 0);
            // Unrolled, since it runs for every request: comparing with names of known length takes no calls.
            $(
                let name = concat!(stringify!($field), "=");
                if let Some(value) = block.get(next..).and_then(|rest| rest.strip_prefix(name)) {
                    let end = memchr::memchr(b'\n', value.as_bytes()).unwrap_or(value.len());
                    values[place] = &value[..end];
                    *seen |= 1 << place;
                    next += name.len() + end + 1;
                }
                place += 1;
            )+
            debug_assert_eq!(place, NAMES.len());
            next
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

/// Reads the attributes of a request, with or without the empty line at its end.
pub(super) fn read(block: &str) -> Result<Attributes<'_>, Malformed> {
    let block = block.strip_suffix("\n\n").or_else(|| block.strip_suffix('\n')).unwrap_or(block);
    if block.is_empty() {
        return Ok(Attributes::default());
    }
    if memchr::memchr(0, block.as_bytes()).is_some() {
        let line = block.lines().position(|line| line.contains('\0')).unwrap_or(0) + 1;
        return Err(Malformed::Nul { line });
    }
    let mut values = [""; NAMES.len()];
    let mut seen = 0u64;
    let next = read_in_order(block, &mut values, &mut seen);
    let rest = block.get(next..).into_iter().flat_map(|rest| rest.split('\n'));
    for (index, line) in rest.enumerate() {
        let number = || block[..next].lines().count() + index + 1;
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

//! The policy door: Postfix's policy delegation (SMTPD_POLICY_README).

use postern_domain::gate::Verdict;
use postern_ledger::Ledger;
use postern_wire::policy::{self, CONFIRM_CONTEXT, Request, RequestLimits, Stage};

use super::conversation::{Malformed, Protocol};
use postern_services::gate::{Abilities, Ask, Certificate, Event, Gate, Recipients, Reports, Session, Trace, Who};

/// Postfix's policy delegation.
pub struct Policy;

impl Protocol for Policy {
    const NAME: &'static str = "policy door";

    const ABILITIES: Abilities = Abilities {
        // Both depend on the lines in main.cf: `postern wiring postfix` prints them.
        reports_ends: Reports::OnceSeen,
        confirms: Reports::OnceSeen,
        reports_aborts: false,
        adds_copies: true,
        holds: true,
        sees_content: false,
    };

    fn find_end(buffer: &[u8], scanned: usize, limits: RequestLimits) -> Result<Option<usize>, Malformed> {
        policy::find_end(buffer, scanned, limits).map_err(|error| Malformed(error.to_string()))
    }

    async fn answer<L: Ledger>(
        gate: &Gate<L>,
        request: &[u8],
        session: &mut Session,
        answer: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let text = policy::text(request);
        let request = Request::parse(&text).map_err(|error| Malformed(error.to_string()))?;
        gate.note_listener(session, request.text.server_port);
        let only = [request.text.recipient];
        let verdict = match event(&request, &only) {
            Some(event) => gate.answer(&ask(&request, event), session).await,
            None => {
                gate.note_other(session);
                Verdict::Pass
            }
        };
        encode(&verdict, answer);
        Ok(())
    }
}

/// What a request is about; `None` at stages that decide nothing. `only` has the request's recipient: at DATA and
/// END-OF-MESSAGE, Postfix names it if the message has only one.
fn event<'a>(request: &Request<'a>, only: &'a [&'a str; 1]) -> Option<Event<'a>> {
    let recipients = || match only[0] {
        "" => Recipients::Count(request.recipient_count),
        _ => Recipients::List(only),
    };
    match request.stage {
        Stage::Rcpt if request.text.policy_context == CONFIRM_CONTEXT => Some(Event::Confirmed(only[0])),
        Stage::Rcpt => Some(Event::Recipient(only[0])),
        Stage::Data => Some(Event::Data(recipients())),
        Stage::EndOfMessage => Some(Event::End(recipients())),
        _ => None,
    }
}

fn ask<'a>(request: &Request<'a>, event: Event<'a>) -> Ask<'a> {
    let text = &request.text;
    let certificate = (!text.ccert_fingerprint.is_empty())
        .then_some(Certificate { name: text.ccert_subject, fingerprint: text.ccert_fingerprint });
    Ask {
        who: Who {
            login: text.sasl_username,
            client_address: request.client_address,
            certificate,
            envelope_sender: text.sender,
        },
        message: text.instance,
        event,
        trace: Trace {
            helo_name: text.helo_name,
            sasl_method: text.sasl_method,
            queue_id: text.queue_id,
            size: request.size,
        },
    }
}

fn encode(verdict: &Verdict, answer: &mut Vec<u8>) {
    match verdict {
        Verdict::Pass => policy::encode_action(answer, "DUNNO"),
        // With BCC, Postfix goes on with the other rules (access(5)). Of several BCC actions it honours only the
        // last, so several addresses need an alias, which `postern wiring postfix` prints.
        Verdict::PassWithCopy(copies) => {
            let to = copies.alias.as_ref().or(copies.to.first()).map_or("", String::as_str);
            policy::encode_action(answer, &format!("BCC {to}"));
        }
        Verdict::Defer(reply) | Verdict::Refuse(reply) => {
            policy::encode_action(answer, &format!("{} {} {}", reply.code, reply.status, reply.text));
        }
    }
}

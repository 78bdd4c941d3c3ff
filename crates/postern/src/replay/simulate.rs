//! Simulates what a set of outbound policies would have done with messages that were sent.

use hashbrown::HashMap;
use postern_domain::attempt::Class;
use postern_domain::gate::limits_for;
use postern_domain::policy::{Action, Consequence, Limits, OutboundPolicy, PolicyBook};
use postern_domain::restriction::Standing;
use postern_domain::window::{Charge, Excess, Fit, Usage, Window};
use postern_domain::{EntityId, Timestamp};
use serde::Serialize;

use super::messages::{Message, Recipient};
use postern_services::directory::Snapshot;
use postern_services::settings::Settings;

/// The first time that a policy would have acted on an entity, and its consequences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// The account or connector.
    pub(super) entity: EntityId,
    /// The name of the policy that would have acted.
    pub(super) policy: String,
    /// The action it would have taken.
    pub(super) action: Action,
    /// When the limit would have been exceeded.
    pub(super) at: Timestamp,
    /// Number of recipients since the beginning of the log.
    pub(super) after: u32,
    /// The limit, and by how much it was exceeded.
    #[serde(flatten)]
    pub(super) excess: Excess,
    /// When the restriction would have expired automatically.
    pub(super) until: Option<Timestamp>,
    /// Messages that would not have been sent: refused or deferred.
    pub(super) stopped_messages: u32,
    /// Recipients of those messages.
    pub(super) stopped_recipients: u32,
}

#[derive(Default)]
struct State {
    usage: Usage,
    sent: u32,
    restricted: Option<Option<Timestamp>>,
    finding: Option<usize>,
}

/// The findings, earliest first.
pub(super) fn simulate(
    messages: &[Message],
    book: &PolicyBook,
    settings: &Settings,
    directory_cache: &Snapshot,
) -> Vec<Finding> {
    let mut states: HashMap<&EntityId, State> = HashMap::new();
    let mut findings: Vec<Finding> = Vec::new();
    for message in messages {
        let state = states.entry(&message.entity).or_default();
        let policy = book.choose(directory_cache.member(&message.entity));
        if state.restricted.is_some_and(|until| until.is_some_and(|until| until <= message.at)) {
            state.restricted = None;
            state.usage = Usage::default();
        }
        let by_escape_lane = !message.recipients.is_empty() && message.recipients.iter().all(|r| r.escape_lane);
        if state.restricted.is_some() && !by_escape_lane {
            stopped(&mut findings, state.finding, message);
            continue;
        }
        let limits = limits_for(&Standing::Free, policy, 100, None, message.at);
        let (charge, excess) = fit(&state.usage, message, &limits);
        let acts = excess.and_then(|excess| act(policy, excess, message, settings));
        if let Some((excess, action, until)) = acts {
            let number = *state.finding.get_or_insert_with(|| {
                findings.push(Finding {
                    entity: message.entity.clone(),
                    policy: policy.name.clone(),
                    action,
                    at: message.at,
                    after: state.sent,
                    excess,
                    until,
                    stopped_messages: 0,
                    stopped_recipients: 0,
                });
                findings.len() - 1
            });
            if action != Action::AlertOnly {
                stopped(&mut findings, Some(number), message);
                if action != Action::Defer {
                    state.restricted = Some(until);
                }
                continue;
            }
        }
        // Includes messages that were refused at the time: under these policies they would have been sent.
        state.sent = state.sent.saturating_add(charge.recipients());
        state.usage.accept(charge, message.at);
    }
    findings
}

/// What the message is charged for, and the limit that it exceeds: that of its first recipient that exceeds one, as
/// the gate checks recipients one after the other.
fn fit(usage: &Usage, message: &Message, limits: &Limits) -> (Charge, Option<Excess>) {
    let mut held = Charge::NONE;
    let mut passed = None;
    for recipient in &message.recipients {
        let whole = held.plus(charge(usage, recipient, held, limits, message.at)).as_message();
        let more = whole.minus(held);
        if let Fit::Exceeds(excess) = usage.fit(held, more, limits, false, message.at) {
            passed.get_or_insert(excess);
        }
        held = whole;
    }
    (held, passed)
}

/// A recipient is charged to the escape lane while its limit allows.
fn charge(usage: &Usage, recipient: &Recipient, held: Charge, limits: &Limits, at: Timestamp) -> Charge {
    let lane = Class::EscapeLane.charge(1);
    let room = recipient.escape_lane && usage.fit(held, lane, limits, false, at) == Fit::Fits;
    if room { lane } else { recipient.class.charge(1) }
}

/// The consequence; none if there is none. A policy in report-only mode is simulated as if it acted, which is what
/// the replay is for.
fn act(
    policy: &OutboundPolicy,
    excess: Excess,
    message: &Message,
    settings: &Settings,
) -> Option<(Excess, Action, Option<Timestamp>)> {
    if excess.window == Window::MessagesPerMinute {
        return None;
    }
    let until = match policy.action.consequence(message.at, &settings.organization.time_zone) {
        Consequence::Restrict { until } => until,
        _ => None,
    };
    Some((excess, policy.action, until))
}

fn stopped(findings: &mut [Finding], number: Option<usize>, message: &Message) {
    if let Some(finding) = number.and_then(|number| findings.get_mut(number)) {
        finding.stopped_messages += 1;
        finding.stopped_recipients += u32::try_from(message.recipients.len()).unwrap_or(u32::MAX);
    }
}

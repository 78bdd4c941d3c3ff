//! A randomised model test of the gate: one account on many connections, with drops, rejections, repeats and restarts,
//! against an oracle that remembers every accepted recipient.

use std::time::Duration;

use postern_domain::gate::Verdict;
use postern_domain::window::Window;
use postern_ledger::Ledger;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::door::{Server, alice};
use super::testing::Site;
use crate::clock::Clock;
use crate::gate::Event;

const MINUTE: i64 = 60_000;
/// The limit of external recipients per hour.
const LIMIT: u32 = 20;

/// What happens next; `connection` is taken modulo the number of connections.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, in milliseconds.
    Wait(u32),
    /// The client on the connection names another recipient, in a new message if it has none.
    Recipient { connection: usize },
    /// The same, and a later rule of the mail server refuses the recipient.
    Unknown { connection: usize },
    /// The mail server accepts the message, for the recipients that passed.
    Accept { connection: usize },
    /// The client gives up, and begins another message on the same connection.
    GiveUp { connection: usize },
    /// The connection is closed.
    Close { connection: usize },
    /// The mail server repeats the end of its last accepted message.
    Repeat { connection: usize },
    /// Messages that have been silent for long end.
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let connection = || 0..64usize;
    prop_oneof![
        3 => (0..5_000u32).prop_map(Step::Wait),
        1 => (0..90 * 60_000u32).prop_map(Step::Wait),
        12 => connection().prop_map(|connection| Step::Recipient { connection }),
        3 => connection().prop_map(|connection| Step::Unknown { connection }),
        6 => connection().prop_map(|connection| Step::Accept { connection }),
        2 => connection().prop_map(|connection| Step::GiveUp { connection }),
        1 => connection().prop_map(|connection| Step::Close { connection }),
        2 => connection().prop_map(|connection| Step::Repeat { connection }),
        2 => Just(Step::Sweep),
    ]
}

/// One connection, and what the mail server knows of its message.
struct Connection<'a> {
    server: Server<'a>,
    message: Option<Message>,
    last_accepted: Option<(i64, Message)>,
}

#[derive(Clone, Copy)]
struct Message {
    number: u32,
    /// Recipients that were named and passed the gate.
    named: u32,
    /// How many of them passed the mail server's other rules as well.
    passed: u32,
}

struct Run<'a> {
    site: &'a Site,
    connections: Vec<Connection<'a>>,
    node: &'a super::Node,
    messages: u32,
    /// Whether the mail server confirms recipients that its other rules accepted.
    confirms: bool,
    /// Every accepted recipient: when.
    accepted: Vec<i64>,
}

impl<'a> Run<'a> {
    fn connection(&mut self, number: usize) -> &mut Connection<'a> {
        let count = self.connections.len();
        &mut self.connections[number % count]
    }

    fn now(&self) -> i64 {
        self.site.clock.now().as_millis()
    }

    fn count(&self, end: i64, length: i64) -> u32 {
        u32::try_from(self.accepted.iter().filter(|at| **at > end - length && **at <= end).count()).unwrap()
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Wait(ms) => self.site.clock.advance(Duration::from_millis(ms.into())),
            Step::Sweep => self.node.gate.sweep().await,
            Step::Recipient { connection } => self.recipient(connection, true).await?,
            Step::Unknown { connection } => self.recipient(connection, false).await?,
            Step::Accept { connection } => self.accept(connection).await?,
            Step::GiveUp { connection } => {
                self.connection(connection).message = None;
                self.recipient(connection, true).await?;
            }
            Step::Close { connection } => {
                let new = Server::new(self.node, "unix");
                let connection = self.connection(connection);
                connection.message = None;
                std::mem::replace(&mut connection.server, new).close().await;
            }
            Step::Repeat { connection } => {
                let now = self.now();
                let connection = self.connection(connection);
                // A mail server repeats a request within its own timeout.
                let last = connection.last_accepted.filter(|(at, _)| now - at < MINUTE);
                if let (Some((_, Message { number, passed, .. })), None) = (last, connection.message) {
                    let verdict = connection.server.end(&number.to_string(), passed).await;
                    prop_assert_eq!(verdict, Verdict::Pass, "a repeated end");
                }
            }
        }
        Ok(())
    }

    async fn recipient(&mut self, connection: usize, passes: bool) -> Result<(), TestCaseError> {
        let (next, confirms) = (self.messages + 1, self.confirms);
        let connection = self.connection(connection);
        let mut message = connection.message.unwrap_or(Message { number: next, named: 0, passed: 0 });
        let (key, to) = (message.number.to_string(), format!("r{}@x.example", message.named));
        let verdict = connection.server.recipient(&key, &to).await;
        if verdict == Verdict::Pass {
            message.named += 1;
            if passes {
                message.passed += 1;
                if confirms {
                    connection.server.ask(&key, Event::Confirmed(&to)).await;
                }
            }
        }
        connection.message = Some(message);
        self.messages = self.messages.max(message.number);
        if matches!(verdict, Verdict::Refuse(_)) { self.check_refusal(message.named + 1) } else { Ok(()) }
    }

    /// A message is refused for good only if it does not fit, whatever becomes of the others.
    fn check_refusal(&self, needs: u32) -> Result<(), TestCaseError> {
        let truth = self.count(self.now(), 61 * MINUTE);
        let restricted = self.node.shared.standings.get(&alice(), self.site.clock.now());
        prop_assert!(truth + needs > LIMIT || restricted.is_restricted(), "refused at {truth} of {LIMIT}");
        Ok(())
    }

    async fn accept(&mut self, number: usize) -> Result<(), TestCaseError> {
        let connection = self.connection(number);
        let Some(message) = connection.message.filter(|message| message.passed > 0) else { return Ok(()) };
        let verdict = connection.server.end(&message.number.to_string(), message.passed).await;
        connection.message = None;
        if verdict == Verdict::Pass {
            let now = self.site.clock.now().as_millis();
            self.connection(number).last_accepted = Some((now, message));
            self.accepted.extend((0..message.passed).map(|_| now));
        }
        Ok(())
    }
}

/// One life of the node: returns what was accepted.
async fn live(
    site: &Site,
    node: &super::Node,
    connections: usize,
    confirms: bool,
    steps: &[Step],
    messages: u32,
    accepted: Vec<i64>,
) -> Result<(u32, Vec<i64>), TestCaseError> {
    let new = || Connection { server: Server::new(node, "unix"), message: None, last_accepted: None };
    let connections = (0..connections).map(|_| new()).collect();
    let mut run = Run { site, connections, node, messages, confirms, accepted };
    for step in steps {
        run.take(step).await?;
        let usage = node.shared.ledger.usage(&alice()).await.unwrap();
        let seen = usage.count(Window::ExternalPerHour, site.clock.now());
        prop_assert!(seen >= run.count(run.now(), 60 * MINUTE), "{step:?}: counted {seen}");
        prop_assert!(usage.reserved().external <= LIMIT);
    }
    for at in &run.accepted {
        prop_assert!(run.count(*at, 60 * MINUTE) <= LIMIT, "more than {LIMIT} within an hour");
    }
    Ok((run.messages, run.accepted))
}

async fn run(connections: usize, confirms: bool, lives: Vec<Vec<Step>>) -> Result<(), TestCaseError> {
    let site = Site::new();
    let mut node = site
        .node_with(|settings| {
            settings.outbound_policy.external_per_hour = LIMIT;
            settings.outbound_policy.action = postern_domain::policy::Action::Defer;
            settings.gate.contention_wait = Duration::ZERO;
        })
        .await;
    // The mail server shows that it reports ends.
    assert_eq!(Server::new(&node, "unix").message("first", 1).await, Verdict::Pass);
    let (mut messages, mut accepted) = (0, vec![site.clock.now().as_millis()]);
    for steps in &lives {
        (messages, accepted) = live(&site, &node, connections, confirms, steps, messages, accepted).await?;
        node = site.restarted(node).await;
    }
    // Nothing is left reserved once a connection is closed.
    let mut last = Server::new(&node, "unix");
    last.recipient("last", "r@x.example").await;
    last.close().await;
    let usage = node.shared.ledger.usage(&alice()).await.unwrap();
    prop_assert!(usage.reserved().is_none(), "{:?} is left reserved", usage.reserved());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn many_connections_of_one_account_never_send_more_than_its_limit(
        connections in 1..=64usize,
        confirms in any::<bool>(),
        lives in proptest::collection::vec(proptest::collection::vec(step(), 1..150), 1..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(connections, confirms, lives))?;
    }
}

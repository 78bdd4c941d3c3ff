//! A second protocol, for tests only: a JSON object a line. It shows that the gate knows no protocol: everything that
//! this door needs is in this file.

use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use postern_domain::gate::Verdict;
use postern_ledger::Ledger;
use postern_services::clock::SystemClock;
use postern_services::gate::{Abilities, Ask, Event, Gate, Recipients, Reports, Session, Trace, Who};
use postern_services::randomness::SystemRandomness;
use postern_wire::policy::RequestLimits;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::connections::accept_all;
use super::conversation::{Door, Malformed, Protocol};
use super::listen::Listener;
use super::workers::Workers;
use crate::serve;

struct JsonLines;

impl Protocol for JsonLines {
    const NAME: &'static str = "JSON door";

    const ABILITIES: Abilities = Abilities {
        reports_ends: Reports::Always,
        confirms: Reports::Always,
        reports_aborts: true,
        adds_copies: false,
        holds: false,
        sees_content: false,
    };

    fn find_end(buffer: &[u8], scanned: usize, limits: RequestLimits) -> Result<Option<usize>, Malformed> {
        if buffer.len() > limits.request {
            return Err(Malformed("too long".into()));
        }
        Ok(buffer[scanned..].iter().position(|byte| *byte == b'\n').map(|at| scanned + at + 1))
    }

    async fn answer<L: Ledger>(
        gate: &Gate<L>,
        request: &[u8],
        session: &mut Session,
        answer: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let request: Value = serde_json::from_slice(request).map_err(|error| Malformed(error.to_string()))?;
        let text = |key: &str| request[key].as_str().unwrap_or_default();
        let list: Vec<&str> = request["to"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let event = match text("event") {
            "recipient" => Event::Recipient(text("to")),
            "confirmed" => Event::Confirmed(text("to")),
            "end" => Event::End(Recipients::List(&list)),
            "whole" => Event::Whole(&list),
            "aborted" => Event::Aborted,
            other => return Err(Malformed(format!("no event {other:?}"))),
        };
        let who = Who { login: text("login"), ..Who::default() };
        let ask = Ask { who, message: text("message"), event, trace: Trace::default() };
        let verdict = match gate.answer(&ask, session).await {
            Verdict::Pass | Verdict::PassWithCopy(_) => json!({ "verdict": "pass" }),
            Verdict::Defer(reply) => json!({ "verdict": "defer", "code": reply.code }),
            Verdict::Refuse(reply) => json!({ "verdict": "refuse", "code": reply.code, "text": reply.text }),
        };
        answer.extend_from_slice(format!("{verdict}\n").as_bytes());
        Ok(())
    }
}

/// A mail server that speaks the protocol.
struct Client(BufReader<TcpStream>);

impl Client {
    fn ask(&mut self, request: &Value) -> Value {
        self.0.get_mut().write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or(Value::Null)
    }

    fn event(&mut self, message: &str, event: &str, to: &Value) -> String {
        let answer = self.ask(&json!({ "login": "alice", "message": message, "event": event, "to": to }));
        answer["verdict"].as_str().unwrap_or("none").to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol_needs_no_change_of_the_gate() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "data = \"{0}/data\"\n[organization]\ndomains = [\"example.com\"]\n[policy_door]\nlisten = [\"unix:{0}/policy\"]\n\
         [portal]\nlisten = \"unix:{0}/portal\"\n[smtp]\nserver = \"127.0.0.1:1\"\n\
         [outbound_policy]\nexternal_per_hour = 3\n",
        folder.path().display()
    );
    let settings = postern_config::parse(Path::new("postern.toml"), &text, std::iter::empty()).unwrap();
    let running = serve::start(settings, Arc::new(SystemClock), Arc::new(SystemRandomness)).await.unwrap();
    let node = running.node();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = Door {
        gate: Arc::clone(&node.gate),
        settings: Arc::clone(&node.shared.settings),
        number: 0,
        metrics: Arc::clone(&node.shared.metrics),
        workers: Workers::start().unwrap(),
        protocol: PhantomData::<JsonLines>,
    };
    let (close, closing) = watch::channel(false);
    let served = tokio::spawn(accept_all(door, Listener::Tcp(listener), closing));
    let talk = move || {
        let mut client = Client(BufReader::new(TcpStream::connect(address).unwrap()));
        // Recipients one by one, of which another rule refuses one.
        assert_eq!(client.event("1", "recipient", &json!("a@x.example")), "pass");
        assert_eq!(client.event("1", "recipient", &json!("b@x.example")), "pass");
        assert_eq!(client.event("1", "confirmed", &json!("a@x.example")), "pass");
        assert_eq!(client.event("1", "end", &json!(["a@x.example"])), "pass");
        // One that is abandoned counts nothing.
        assert_eq!(client.event("2", "recipient", &json!("c@x.example")), "pass");
        assert_eq!(client.event("2", "aborted", &json!("")), "pass");
        // One that is known at once.
        assert_eq!(client.event("3", "whole", &json!(["d@x.example", "e@x.example"])), "pass");
        assert_eq!(client.event("4", "whole", &json!(["f@x.example"])), "refuse");
        // A malformed request has no answer, and the connection ends.
        assert_eq!(client.ask(&json!({ "event": "nonsense" })), Value::Null);
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
    let alice = postern_domain::EntityId::account_named("alice@example.com");
    let usage = node.shared.ledger.usage(&alice).await.unwrap();
    let now = node.shared.clock.now();
    assert_eq!(usage.count(postern_domain::window::Window::ExternalPerHour, now), 3);
    assert_eq!(usage.count(postern_domain::window::Window::UnknownRecipientsPerHour, now), 2);
    close.send(true).unwrap();
    served.await.unwrap();
    running.stop().await.unwrap();
}

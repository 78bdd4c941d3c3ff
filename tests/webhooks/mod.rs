//! Webhooks to a real HTTP receiver that fails in between.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::harness::postern::Postern;
use crate::harness::process::Process;
use crate::harness::{free_port, wait_for, wait_within};

struct Receiver {
    port: u16,
    log: PathBuf,
    _process: Process,
}

impl Receiver {
    fn start(folder: &std::path::Path, statuses: &[&str]) -> Self {
        let (port, script) = (free_port(), concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/harness/receiver.py"));
        let log = folder.join(format!("received-{port}"));
        let process =
            Process::spawn(Command::new("python3").arg(script).arg(port.to_string()).arg(&log).args(statuses));
        wait_for("the receiver", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { port, log, _process: process }
    }

    fn received(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn webhooks_arrive_signed_in_spite_of_failures_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let flaky = Receiver::start(folder.path(), &["500", "cut", "200"]);
    let chat = Receiver::start(folder.path(), &["200"]);
    let settings = format!(
        "[[webhook]]\nname = \"tickets\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecret_file = \"{}\"\n\
         [[webhook]]\nname = \"chat\"\nurl = \"http://127.0.0.1:{}/slack\"\nformat = \"slack\"\n\
         alert_policies = [\"User restricted from sending email\"]\n\
         [[webhook]]\nname = \"team\"\nurl = \"http://127.0.0.1:{}/teams\"\nformat = \"teams\"\n\
         alert_policies = [\"Connector restricted\"]\n",
        flaky.port,
        secret.display(),
        chat.port,
        chat.port,
    );
    let postern = Postern::start(&settings);
    postern.ok(&["restricted", "add", "alice", "--reason", "a <b> & c"]);
    wait_for("the chat message", || !chat.received().is_empty());
    let message = &chat.received()[0];
    assert_eq!(message["path"], "/slack");
    let text = message["body"]["blocks"][1]["text"]["text"].as_str().unwrap();
    assert!(text.contains("a &lt;b&gt; &amp; c") && text.contains("alice@example.com"), "{text}");

    // Tried again after 5 s and 10 s, each a little longer.
    wait_within(60, "the third try", || flaky.received().len() >= 3);
    let received = flaky.received();
    let statuses: Vec<_> = received.iter().map(|request| request["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["500", "cut", "200"]);
    let reference = postern.restricted()[0]["reference"].clone();
    for request in &received {
        assert_eq!((&request["signed"], &request["fresh"]), (&Value::Bool(true), &Value::Bool(true)), "{request}");
        assert_eq!(request["id"], format!("{}.tickets", reference.as_str().unwrap()));
        assert_eq!(request["body"]["type"], "alert.raised");
        assert_eq!(request["body"]["data"]["reference"], reference);
        assert_eq!(request["body"]["data"]["restricted"], true);
    }
    wait_for("the store to know", || postern.json(&["alerts"])[0]["notifications_delivered"] == 2);
    assert_eq!((flaky.received().len(), chat.received().len()), (3, 1));

    postern.ok(&["restricted", "add", "connector:web", "--reason", "x"]);
    wait_for("the card", || chat.received().len() == 2);
    let card = &chat.received()[1]["body"]["attachments"][0];
    assert_eq!(card["contentType"], "application/vnd.microsoft.card.adaptive");
    assert_eq!(card["content"]["body"][1]["facts"][0]["value"], "connector:web");
}

#[test]
fn a_slow_receiver_keeps_nobody_waiting_and_a_refusing_one_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let slow = Receiver::start(folder.path(), &["slow", "410"]);
    let settings =
        format!("[[webhook]]\nname = \"chat\"\nurl = \"http://127.0.0.1:{}/\"\nformat = \"slack\"\n", slow.port);
    let postern = Postern::start(&settings);
    postern.ok(&["restricted", "add", "alice", "--reason", "x"]);
    wait_for("the request", || !slow.received().is_empty());
    // Mails go meanwhile: this one fails, since nobody listens for it.
    wait_for("the mail to be tried", || postern.json(&["alerts"])[0]["last_error"].is_string());
    let error = || postern.json(&["alerts"])[0]["last_error"].as_str().unwrap_or_default().to_owned();
    wait_within(60, "the refusal", || error().contains("410"));
    assert!(error().contains("410 Gone"), "{}", error());
    assert!(postern.log().contains("no answer within 15 s"), "{}", postern.log());
}

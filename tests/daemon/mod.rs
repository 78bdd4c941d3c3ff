//! The daemon by itself: its door, its signals, its health, its folder.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::harness::policy_client::PolicyClient;
use crate::harness::postern::{Postern, with_config};
use crate::harness::{wait_for, wait_some};

#[test]
fn a_malformed_request_is_not_answered_and_the_log_says_why() {
    let postern = Postern::start("[policy_door]\nrequest_timeout_seconds = 1\n");
    let cases: [(&[u8], &str); 5] = [
        (b"request=smtpd_access_policy\nnonsense\n\n", "line 2 has no '='"),
        (b"request=other\n\n", "expected smtpd_access_policy"),
        (b"\n", "attribute request is missing"),
        (b"request=smtpd_access_policy\nprotocol_state=RCPT\ninstance=1\n\n", "attribute recipient is missing"),
        (b"request=smtpd_access_policy\nprotocol_sta", "did not end within 1s"),
    ];
    for (bytes, why) in cases {
        let mut door = postern.door();
        door.send(bytes);
        assert_eq!(door.receive(), None, "{why}");
        wait_for(why, || postern.log().contains(why));
    }
    let mut door = postern.door();
    door.send(format!("request=smtpd_access_policy\nsender={}\n\n", "x".repeat(20_000)).as_bytes());
    assert_eq!(door.receive(), None);
    wait_for("the line limit", || postern.log().contains("a line is longer than 16384 bytes"));
    let metrics = postern.http("/metrics").unwrap();
    assert!(metrics.contains("postern_policy_malformed_total 6"), "{metrics}");
    // Others are not disturbed.
    assert_eq!(postern.door().rcpt("alice", "1", "bob@example.com"), "DUNNO");
}

#[test]
fn many_requests_go_over_one_connection_in_pieces_and_in_bulk() {
    let postern = Postern::start("");
    let mut door = postern.door();
    let request =
        b"request=smtpd_access_policy\nprotocol_state=RCPT\ninstance=7\nrecipient=a@x.example\nsasl_username=alice\n\n";
    for byte in request {
        door.send(&[*byte]);
    }
    assert_eq!(door.receive().as_deref(), Some("DUNNO"));
    door.send(&request.repeat(50));
    for _ in 0..50 {
        assert_eq!(door.receive().as_deref(), Some("DUNNO"));
    }
    assert_eq!(postern.window("alice", "external_per_hour")["reserved"], 1);
}

#[test]
fn one_message_is_counted_once_however_often_it_is_asked_about() {
    let mut postern = Postern::start("");
    let mut door = postern.door();
    for _ in 0..3 {
        assert_eq!(door.whole("alice", "1.2.3.0", &["a@x.example", "bob@example.com"]), "DUNNO");
    }
    assert_eq!(postern.count("alice", "per_day"), 2);
    // Also after a crash that left the mail server without an answer.
    std::thread::sleep(Duration::from_millis(1100));
    postern.restart_after_kill_9();
    assert_eq!(postern.door().end("alice", "1.2.3.0", 2), "DUNNO");
    assert_eq!(postern.count("alice", "per_day"), 2);
    assert_eq!(postern.count("alice", "messages_per_day"), 1);
}

#[test]
fn sixty_four_connections_do_not_overshoot() {
    let postern = Postern::start("[outbound_policy]\nexternal_per_hour = 100\n");
    // The mail server is one that tells how messages end.
    assert_eq!(postern.door().whole("bob", "0", &["a@x.example"]), "DUNNO");
    let accepted: usize = std::thread::scope(|scope| {
        let connections: Vec<_> = (0..64)
            .map(|c| {
                let postern = &postern;
                scope.spawn(move || {
                    let mut door = postern.door();
                    let sends =
                        (0..5).map(|n| door.whole("alice", &format!("{c}.{n}"), &["a@x.example", "b@x.example"]));
                    sends.filter(|answer| answer == "DUNNO").count()
                })
            })
            .collect();
        connections.into_iter().map(|connection| connection.join().unwrap()).sum()
    });
    assert_eq!(accepted, 50);
    assert_eq!(postern.count("alice", "external_per_hour"), 100);
    assert_eq!(postern.restricted().len(), 1);
    assert_eq!(postern.json(&["alerts"]).as_array().unwrap().len(), 1);
}

#[test]
fn a_message_that_will_not_fit_waits_for_others_and_is_then_deferred() {
    let postern =
        Postern::start("[outbound_policy]\nexternal_per_hour = 2\n[policy_door]\ncontention_wait_seconds = 1\n");
    assert_eq!(postern.door().whole("bob", "0", &["a@x.example"]), "DUNNO");
    let (mut first, mut second) = (postern.door(), postern.door());
    assert_eq!(first.rcpt("alice", "1", "a@x.example"), "DUNNO");
    assert_eq!(first.rcpt("alice", "1", "b@x.example"), "DUNNO");
    assert_eq!(
        second.rcpt("alice", "2", "c@x.example"),
        "451 4.7.1 Too many messages are being sent at once, please try again later"
    );
    assert!(postern.restricted().is_empty());
    // The first comes to nothing, so there is room after all.
    first.rcpt("carol", "3", "a@x.example");
    assert_eq!(second.rcpt("alice", "2", "c@x.example"), "DUNNO");
    // A message that was given up and ends all the same still has to fit.
    assert_eq!(
        first.end("alice", "1", 2),
        "451 4.7.1 Too many messages are being sent at once, please try again later"
    );
    assert_eq!(second.end("alice", "2", 1), "DUNNO");
    assert!(first.end("alice", "1", 2).starts_with("550 5.1.8"));
}

#[test]
fn sigterm_answers_what_has_begun_and_writes_everything_out() {
    let mut postern = Postern::start("");
    let mut door = postern.door();
    assert_eq!(door.whole("alice", "1", &["a@x.example"]), "DUNNO");
    door.send(b"request=smtpd_access_policy\nprotocol_state=RCPT\ninstance=2\nrecipient=b@x.example\n");
    std::thread::sleep(Duration::from_millis(100));
    postern.process().signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    door.send(b"sasl_username=alice\n\n");
    assert_eq!(door.receive().as_deref(), Some("DUNNO"));
    assert_eq!(door.receive(), None);
    let status = postern.process().wait(Duration::from_secs(15));
    assert_eq!(status.code(), Some(0), "{}", postern.log());
    assert!(!postern.data().join("admin.sock").exists());
    postern.run();
    assert_eq!(postern.count("alice", "per_day"), 1);
}

#[test]
fn sighup_takes_a_good_configuration_and_refuses_a_broken_one() {
    let mut postern = Postern::start("[outbound_policy]\nexternal_per_hour = 5\n");
    let limit = |postern: &Postern| postern.json(&["policy", "show"])[0]["external_per_hour"].clone();
    postern.configure("[outbound_policy]\nexternal_per_hour = 7\n");
    postern.process().signal("HUP");
    wait_for("the new limit", || limit(&postern) == 7);

    let good = std::fs::read_to_string(postern.config()).unwrap();
    std::fs::write(postern.config(), good.replace("= 7", "= \"many\"")).unwrap();
    postern.process().signal("HUP");
    wait_for("the refusal", || postern.log().contains("expected a whole number from 0 to 10000"));
    std::fs::write(postern.config(), &good).unwrap();
    assert_eq!(limit(&postern), 7);
    let status = postern.cli(&["--json", "status"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert!(status["problems"][0].as_str().unwrap().contains("the new one was refused"), "{status}");
    assert_eq!(postern.door().rcpt("alice", "1", "a@x.example"), "DUNNO");
}

#[test]
fn what_cannot_be_used_is_one_clear_line() {
    let postern = Postern::start("");
    let fails = |other: &Postern, part: &str| {
        let output = with_config(&other.config(), &["serve"]);
        assert_eq!(output.status.code(), Some(1), "{part}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let errors: Vec<_> = said.lines().filter(|line| line.starts_with("postern: ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(part), "expected one line with {part:?} in:\n{said}");
    };
    // The same folder, another port.
    let mut other = Postern::configured("");
    let text = std::fs::read_to_string(other.config()).unwrap();
    let same_folder = text.replace(other.data().to_str().unwrap(), postern.data().to_str().unwrap());
    std::fs::write(other.config(), same_folder).unwrap();
    fails(&other, "is using this folder");
    // The same port, another folder.
    let taken = text.replace(&other.door_port.to_string(), &postern.door_port.to_string());
    std::fs::write(other.config(), taken).unwrap();
    fails(&other, "another program is listening there");
    // A folder that can't be made.
    let nowhere = text.replace(other.data().to_str().unwrap(), "/proc/postern");
    std::fs::write(other.config(), nowhere).unwrap();
    fails(&other, "the folder can't be made");
    // A database from the future, which stays as it is.
    std::fs::write(other.config(), text).unwrap();
    other.run();
    other.kill_9();
    let database = rusqlite::Connection::open(other.data().join("postern.db")).unwrap();
    database.pragma_update(None, "user_version", 42).unwrap();
    drop(database);
    fails(&other, "newer version of Postern");
}

#[test]
fn a_unix_socket_serves_as_the_door_too() {
    use std::io::{Read, Write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.sock");
    let mut postern = Postern::configured("");
    let text = std::fs::read_to_string(postern.config()).unwrap();
    std::fs::write(
        postern.config(),
        text.replace("listen = [\"127", &format!("listen = [\"unix:{}\", \"127", path.display())),
    )
    .unwrap();
    postern.run();
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    stream.write_all(b"request=smtpd_access_policy\nprotocol_state=CONNECT\n\n").unwrap();
    let mut answer = [0; 14];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"action=DUNNO\n\n");
}

#[test]
fn a_recipient_past_the_gate_is_taken_up_by_its_confirmation() {
    let postern = Postern::start("");
    let mut door = postern.door();
    assert_eq!(door.rcpt("alice", "1", "a@x.example"), "DUNNO");
    assert_eq!(door.rcpt("alice", "1", "refused-later@x.example"), "DUNNO");
    assert_eq!(door.confirm("alice", "1", "a@x.example"), "DUNNO");
    // An earlier rule let this one past the first question.
    assert_eq!(door.confirm("alice", "1", "bob@example.com"), "DUNNO");
    assert_eq!(door.end("alice", "1", 2), "DUNNO");
    assert_eq!(postern.count("alice", "external_per_hour"), 1);
    assert_eq!(postern.count("alice", "internal_per_hour"), 1);
}

/// What systemd does for `postern.socket`: a listening socket as file descriptor 3, and its name.
#[test]
fn a_socket_that_systemd_passes_is_served() {
    let mut postern = Postern::configured("");
    let text = std::fs::read_to_string(postern.config()).unwrap();
    let own = format!("\"127.0.0.1:{}\"]", postern.door_port);
    std::fs::write(postern.config(), text.replace(&own, "\"systemd:policy\"]")).unwrap();
    let without = with_config(&postern.config(), &["serve"]);
    let said = String::from_utf8_lossy(&without.stderr).into_owned();
    assert!(said.contains("systemd passed no socket with FileDescriptorName=policy"), "{said}");
    assert_eq!(without.status.code(), Some(1));

    let socket = std::net::TcpListener::bind(("127.0.0.1", postern.door_port)).unwrap();
    postern.run_with_socket("policy", socket);
    assert_eq!(postern.door().rcpt("alice", "1", "bob@example.com"), "DUNNO");
}

#[test]
fn the_portal_bounds_its_connections_and_closes_those_that_are_silent() {
    let postern = Postern::start("max_connections = 2\nrequest_timeout_seconds = 4\n");
    let connect = || TcpStream::connect(("127.0.0.1", postern.portal_port)).unwrap();
    let ends_within = |mut stream: TcpStream, limit: Duration| {
        stream.set_read_timeout(Some(limit)).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).map(|_| rest)
    };
    // Those of the start may not have ended yet. One too many is closed at once.
    let (slow, silent) = wait_some("two connections and no third", || {
        let (mut slow, silent) = (connect(), connect());
        slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").unwrap();
        let third = ends_within(connect(), Duration::from_millis(500));
        third.is_ok_and(|rest| rest.is_empty()).then_some((slow, silent))
    });
    assert!(postern.log().contains("too many connections at the portal"), "{}", postern.log());
    // Neither a header that does not end nor silence keeps a connection.
    let _ = ends_within(slow, Duration::from_secs(10)).unwrap();
    assert_eq!(ends_within(silent, Duration::from_secs(10)).unwrap(), b"");
    let mut idle = connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(ends_within(idle, Duration::from_secs(10)).unwrap().starts_with(b"HTTP/1.1 200"));
    assert!(postern.http("/healthz").unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn a_second_door_is_served_and_old_keys_are_advised_about() {
    let port = crate::harness::free_port();
    let postern = Postern::start(&format!(
        "[[door]]\nkind = \"policy\"\nlisten = [\"127.0.0.1:{port}\"]\n[policy_door]\ncontention_wait_seconds = 1\n"
    ));
    let mut second = PolicyClient::connect(port);
    assert_eq!(second.rcpt("alice", "1", "a@x.example"), "DUNNO");
    assert_eq!(postern.door().rcpt("alice", "2", "a@x.example"), "DUNNO");
    assert!(postern.log().contains("write it as contention_wait_seconds = 1 under [gate]"), "{}", postern.log());
    assert!(postern.ok(&["config", "check"]).contains("under [gate]"));
}

//! A log that a real Postfix wrote, through the same policies as the gate.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::site::Site;

/// What the gate did and what the replay says, in the same words.
fn restrictions(list: &[Value], key: &str) -> Vec<(String, String, u64, u64)> {
    let mut all: Vec<_> = list
        .iter()
        .map(|item| {
            let of = if key.is_empty() { item } else { &item[key] };
            let number = |name: &str| of[name].as_u64().unwrap();
            let window = of["window"].as_str().unwrap().to_owned();
            (item["entity"].as_str().unwrap().to_owned(), window, number("limit"), number("count"))
        })
        .collect();
    all.sort();
    all
}

#[test]
fn the_log_of_a_real_postfix_gives_the_restrictions_that_the_gate_made() {
    // Report only, so that all of the traffic is in the log, and the gate says what it would do.
    let site = Site::start(
        "[outbound_policy]\nmode = \"report-only\"\nexternal_per_hour = 6\ninternal_per_hour = 3\nper_day = 8\n",
    );
    let send = |user: &str, messages: &[&[&str]]| {
        let mut smtp = site.login(user);
        for recipients in messages {
            smtp.send(&format!("{user}@example.com"), recipients, "traffic");
        }
    };
    // Alice passes the external limit within a message, Bob the internal one, Carol the day's.
    let to = |n: usize| format!("r{n}@outside.example");
    let many: Vec<String> = (0..9).map(to).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    send("alice", &[&many[..2], &many[..2], &many[..4], &many[..1]]);
    send("bob", &[&["alice@example.com", "carol@example.com"], &["admin@example.com", "alice@example.com"]]);
    send("carol", &[&many[..5], &["alice@example.com", "bob@example.com"], &many[..1], &many[..1], &many[..1]]);
    send("admin", &[&many[..3], &["bob@example.com"]]);
    let alerts = site.postern.json(&["alerts"]);
    let live = restrictions(alerts.as_array().unwrap(), "cause");
    assert_eq!(live.len(), 3, "{live:?}");
    crate::harness::wait_for("postfix to log every delivery", || {
        let log = site.postfix.log();
        log.matches(": removed").count() == log.matches(": client=").count()
    });
    let folder = site.postern.folder.path();
    let log = folder.join("mail.log");
    std::fs::write(&log, site.postfix.log()).unwrap();
    let path = log.to_str().unwrap();
    let replayed = site.postern.json(&["replay", path]);
    assert_eq!(restrictions(replayed["today"].as_array().unwrap(), ""), live);
    // The same from a compressed log, and by standard input.
    let gzip = Command::new("gzip").arg("-k").arg(&log).status().unwrap();
    assert!(gzip.success());
    let compressed = site.postern.json(&["replay", &format!("{path}.gz")]);
    assert_eq!(compressed["today"], replayed["today"]);

    // A wider policy for Alice, and a page that shows it.
    let policies = folder.join("policies.toml");
    std::fs::write(
        &policies,
        "[default]\nexternal_per_hour = 6\ninternal_per_hour = 3\nper_day = 8\n\
         [[custom]]\nname = \"Alice\"\nusers = [\"alice\"]\nexternal_per_hour = 50\nper_day = 50\n",
    )
    .unwrap();
    let page = folder.join("page.html");
    let (policies, page) = (policies.to_str().unwrap(), page.to_str().unwrap());
    let said = site.postern.ok(&["replay", "--policy", policies, "--report", page, path]);
    assert!(said.contains("- alice@example.com: would be left alone"), "{said}");
    let html = std::fs::read_to_string(page).unwrap();
    assert!(html.contains("<svg") && html.contains("bob@example.com"), "{html}");
    let wrong = site.postern.cli(&["replay", "--policy", "/nonexistent", path]);
    assert_eq!(wrong.status.code(), Some(1));
}

#[test]
fn a_log_without_postfix_says_what_is_missing() {
    let postern = crate::harness::postern::Postern::configured("");
    let mut replay = crate::harness::postern::command();
    replay.arg("--config").arg(postern.config()).args(["replay", "-"]);
    let mut child = replay.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"Nov 25 21:54:51 host kernel: hello\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("1 lines, 0 messages") && said.contains("Are these Postfix's logs"), "{said}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("today's policy is [outbound_policy]"));
}

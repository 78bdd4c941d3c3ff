//! The API with a token, from anywhere: what each role may do, and what the answers look like.

use std::process::Output;

use crate::harness::postern::{Postern, command};

fn token(postern: &Postern, name: &str, role: &str) -> String {
    let printed = postern.ok(&["token", "add", name, "--role", role]);
    printed.trim().to_owned()
}

/// The command line from another machine.
fn remote(postern: &Postern, token: &str, arguments: &[&str]) -> Output {
    let server = format!("http://127.0.0.1:{}", postern.portal_port);
    command().args(["--server", &server]).args(arguments).env("POSTERN_TOKEN", token).output().unwrap()
}

#[test]
fn the_command_line_works_from_elsewhere_with_a_token() {
    let postern = Postern::start("");
    let admin = token(&postern, "laptop", "security-administrator");
    assert!(admin.starts_with("postern_") && !admin.contains(char::is_whitespace), "{admin}");
    let made = remote(&postern, &admin, &["restricted", "add", "alice", "--reason", "from afar"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let listed = remote(&postern, &admin, &["--json", "restricted", "list"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["entity"], "alice@example.com");
    assert_eq!(postern.json(&["audit"])[0]["actor"], "token laptop");
    let used = postern.json(&["token"]);
    assert!(used[0]["last_used_at"].is_string(), "{used}");

    let refused = |token: &str, arguments: &[&str], says: &str| {
        let output = remote(&postern, token, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    };
    refused(&admin, &["token", "list"], "it takes the role organization-management");
    let reader = token(&postern, "screen", "security-reader");
    assert!(remote(&postern, &reader, &["restricted"]).status.success());
    refused(&reader, &["restricted", "release", "alice", "--reason", "x"], "organization-management or security-admin");
    postern.ok(&["token", "revoke", "laptop"]);
    refused(&admin, &["restricted"], "unknown, revoked or expired");
    refused("postern_nonsense", &["restricted"], "unknown, revoked or expired");
    // A token does not travel unprotected.
    let open = command()
        .args(["--server", "http://postern.example.com", "status"])
        .env("POSTERN_TOKEN", &reader)
        .output()
        .unwrap();
    assert_eq!(open.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&open.stderr).contains("unprotected"));
}

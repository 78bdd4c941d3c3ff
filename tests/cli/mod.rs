//! The command line: JSON for programs, exit statuses, manual and completions.

use crate::harness::postern::{Postern, command};

#[test]
fn exit_statuses_say_what_happened() {
    let postern = Postern::start("");
    let code = |arguments: &[&str]| postern.cli(arguments).status.code().unwrap();
    assert_eq!(code(&["restricted"]), 0);
    assert_eq!(code(&["no-such-command"]), 2);
    assert_eq!(code(&["explain", "what?"]), 2);
    assert_eq!(code(&["explain", "PR-0000-0000"]), 3);
    assert_eq!(code(&["restricted", "show", "alice"]), 3);
    assert_eq!(code(&["restricted", "release", "alice", "--reason", "x"]), 3);
    assert_eq!(code(&["restricted", "add", "alice", "--reason", " "]), 2);
    assert_eq!(code(&["restricted", "add", "alice", "--reason", "x", "--until", "tomorrow"]), 2);
    assert_eq!(code(&["restricted", "add", "alice", "--reason", "x", "--until", "2001-01-01T00:00:00Z"]), 2);
    assert_eq!(code(&["restricted", "add", "alice", "--reason", "x"]), 0);
    assert_eq!(code(&["restricted", "add", "ALICE@example.com", "--reason", "x"]), 4);
    assert_eq!(code(&["audit", "verify", "--head", "zz"]), 2);
    assert_eq!(code(&["audit", "verify", "--head", &"0f".repeat(32)]), 1);
}

#[test]
fn a_reader_that_ends_early_causes_no_error_message() {
    for arguments in [["man"].as_slice(), &["completions", "bash"], &["cmdlet", "Get-Command"], &["demo", "--fast"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command().args(arguments).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
        assert!(output.status.success(), "{arguments:?}");
    }
}

#[test]
fn lists_are_json_arrays_with_the_names_of_the_api() {
    let postern = Postern::start("[outbound_policy]\nexternal_per_hour = 1\n");
    assert_eq!(postern.json(&["restricted", "list"]), serde_json::json!([]));
    let mut door = postern.door();
    assert_eq!(door.whole("alice", "1", &["a@x.example"]), "DUNNO");
    assert!(door.whole("alice", "2", &["b@x.example"]).starts_with("550 5.1.8 "));
    let restricted = postern.restricted();
    for key in ["entity", "reference", "reason", "since", "until", "refused", "evidence", "cause"] {
        assert!(restricted[0].get(key).is_some(), "no {key}");
    }
    assert_eq!(restricted[0]["cause"]["window"], "external_per_hour");
    let unknown = postern.cli(&["audit", "--search", "nobody-has-this-name"]);
    let unknown = String::from_utf8_lossy(&unknown.stdout).into_owned();
    assert_eq!(unknown, "No entry of the audit trail contains \"nobody-has-this-name\".\n");
    // The default policy as the file has it, and the restriction.
    assert_eq!(postern.json(&["audit"]).as_array().unwrap().len(), 2);
    for list in [["alerts"].as_slice(), &["policy", "show"], &["restricted", "show", "alice"]] {
        assert_eq!(postern.json(list).as_array().unwrap().len(), 1, "{list:?}");
    }
    let table = postern.ok(&["restricted"]);
    assert!(table.contains("alice@example.com") && table.contains("203.0.113.9"), "{table}");
    postern.ok(&["restricted", "release", "Alice", "--reason", "done"]);
    assert!(postern.ok(&["restricted"]).contains("Nobody is restricted."));
    assert_eq!(postern.json(&["restricted", "list", "--all"]).as_array().unwrap().len(), 1);
    let audit = postern.json(&["audit"]);
    assert_eq!(audit[0]["action"], "restriction.release");
    assert_eq!(audit[0]["actor"], "root");
}

#[test]
fn an_undone_release_leaves_the_same_restriction() {
    let postern = Postern::start("[outbound_policy]\nexternal_per_hour = 1\n");
    let mut door = postern.door();
    assert_eq!(door.whole("alice", "1", &["a@x.example"]), "DUNNO");
    assert!(door.whole("alice", "2", &["b@x.example"]).starts_with("550 5.1.8 "));
    let before = postern.restricted();
    let undo = ["restricted", "undo-release", "alice", "--reason", "it goes on"];
    assert_eq!(postern.cli(&["restricted", "undo-release", "bob", "--reason", "x"]).status.code(), Some(3));
    assert_eq!(postern.cli(&undo).status.code(), Some(4), "she is restricted");
    postern.ok(&["restricted", "release", "alice", "--reason", "done"]);
    assert_eq!(door.whole("alice", "3", &["b@x.example"]), "DUNNO");
    let said = postern.ok(&undo);
    let reference = before[0]["reference"].as_str().unwrap();
    assert!(said.contains("is restricted as it was") && said.contains(reference), "{said}");
    assert!(door.whole("alice", "4", &["b@x.example"]).contains(reference));
    let after = postern.restricted();
    for same in ["reference", "reason", "cause", "evidence", "since", "until"] {
        assert_eq!(after[0][same], before[0][same], "{same}");
    }
    let alerts = postern.json(&["alerts"]);
    assert_eq!((alerts.as_array().unwrap().len(), &alerts[0]["status"]), (1, &serde_json::json!("active")));
    let audit = postern.json(&["audit"]);
    assert_eq!(
        (&audit[0]["action"], &audit[0]["detail"]["reason"]),
        (&"restriction.restore".into(), &"it goes on".into())
    );
    assert!(postern.ok(&["explain", reference]).contains("restricted"));
}

#[test]
fn a_trail_that_was_cut_off_is_found() {
    let postern = Postern::start("");
    for name in ["a", "b", "c"] {
        postern.ok(&["restricted", "add", name, "--reason", "x"]);
    }
    assert!(postern.ok(&["audit", "verify"]).contains("3 entries"));
    let database = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    database.execute_batch("DELETE FROM audit WHERE seq = 3").unwrap();
    let verify = postern.cli(&["audit", "verify"]);
    let said = String::from_utf8_lossy(&verify.stdout).into_owned();
    assert!(!verify.status.success() && said.contains("entry 3 at the end is missing"), "{said}");
    // What is written then goes on where the trail had ended, and hides nothing.
    postern.ok(&["restricted", "add", "d", "--reason", "x"]);
    let said = String::from_utf8_lossy(&postern.cli(&["audit", "verify"]).stdout).into_owned();
    assert!(said.contains("entry 3 is missing"), "{said}");
}

#[test]
fn a_release_by_sudo_names_the_person_behind_it() {
    let postern = Postern::start("");
    postern.ok(&["restricted", "add", "alice", "--reason", "x"]);
    let released = command()
        .arg("--config")
        .arg(postern.config())
        .args(["restricted", "release", "alice", "--reason", "y"])
        .env("SUDO_USER", "grace")
        .status();
    assert!(released.unwrap().success());
    assert_eq!(postern.json(&["restricted", "show", "alice"])[0]["released_by"], "root (for grace)");
}

#[test]
fn manual_and_completions_cover_every_command() {
    let folder = tempfile::tempdir().unwrap();
    assert!(command().arg("man").arg(folder.path()).status().unwrap().success());
    for page in ["postern", "postern-restricted-release", "postern-doctor", "postern-wiring"] {
        let text = std::fs::read_to_string(folder.path().join(format!("{page}.1"))).unwrap();
        assert!(text.contains(".TH"), "{page}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let output = command().args(["completions", shell]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("restricted"), "{shell}");
    }
}

#[test]
fn others_on_the_machine_may_not_use_the_admin_socket() {
    let postern = Postern::start("");
    let socket = postern.data().join("admin.sock");
    for path in [postern.data(), socket] {
        use std::os::unix::fs::PermissionsExt;
        // Even where file permissions let them in.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let binary = postern.folder.path().join("postern");
    std::fs::copy(crate::harness::postern::BINARY, &binary).unwrap();
    let config = postern.config();
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=nobody", "--clear-groups", "--"])
        .arg(&binary)
        .arg("--config")
        .arg(&config)
        .arg("restricted")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nobody may not do this"));
}

#[test]
fn the_demonstration_ends_with_a_release() {
    let output = command().args(["demo", "--fast"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in ["550 5.1.8 Access denied, bad outbound sender", "203.0.113.66", "passes, at once", "and is whole"] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}

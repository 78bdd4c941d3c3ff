//! The API with a token, from anywhere: what each role may do, and what the answers look like.

mod events;
mod roles;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::http::{call, call_with, exchange};
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

/// The largest value that the API's description states for a property.
fn maximum(document: &Value, schema: &str, property: &str) -> u64 {
    let schema = &document["components"]["schemas"][schema];
    // A type with flattened parts is described by `allOf`.
    let parts = schema["allOf"].as_array().map_or(std::slice::from_ref(schema), Vec::as_slice);
    let stated = parts.iter().find_map(|part| part["properties"][property]["maximum"].as_u64());
    stated.unwrap_or_else(|| panic!("no maximum for {property}"))
}

#[test]
fn the_ranges_of_the_description_are_those_that_are_checked() {
    let postern = Postern::start("");
    let secret = token(&postern, "ranges", "organization-management");
    let document = call(postern.portal_port, "GET", "/api/openapi.json", None, None).1;
    let patch =
        |body: Value| call(postern.portal_port, "PATCH", "/api/v1/policies/Default", Some(&secret), Some(&body));
    for setting in ["external_per_hour", "per_day", "messages_per_minute", "recipients_per_message", "warn_at_percent"]
    {
        let most = maximum(&document, "OutboundPolicy", setting);
        let (status, answer) = patch(json!({ setting: most }));
        assert_eq!(status, 200, "{setting} {most}: {answer}");
        let (status, answer) = patch(json!({ setting: most + 1 }));
        assert_eq!((status, &answer["field"]), (422, &json!(setting)), "{answer}");
    }
    let grant = |body: Value| call(postern.portal_port, "POST", "/api/v1/allowances", Some(&secret), Some(&body));
    for setting in ["external_per_hour", "internal_per_hour", "per_day"] {
        let most = maximum(&document, "AllowanceRequest", setting);
        let of =
            |value: u64| json!({ "entity": "alice", "until": "2099-01-01T00:00:00Z", "reason": "x", setting: value });
        let (status, answer) = grant(of(most));
        assert_eq!(status, 201, "{answer}");
        for wrong in [0, most + 1] {
            let (status, answer) = grant(of(wrong));
            assert_eq!((status, &answer["field"]), (422, &json!(setting)), "{answer}");
        }
    }
}

#[test]
fn an_edit_names_what_it_has_seen() {
    let postern = Postern::start("");
    let token = token(&postern, "t", "organization-management");
    let url = "/api/v1/policies/default";
    let change = |seen: u64, per_day: u32| {
        let body = json!({ "per_day": per_day });
        crate::harness::http::call_with(
            postern.portal_port,
            "PATCH",
            url,
            Some(&token),
            Some(&body),
            &[("If-Match", &format!("\"{seen}\""))],
        )
    };
    let (_, before) = call(postern.portal_port, "GET", url, Some(&token), None);
    let seen = before["revision"].as_u64().unwrap();
    assert_eq!(change(seen, 7).0, 200);
    let (status, problem) = change(seen, 8);
    assert_eq!(status, 412, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("changed meanwhile"));
    let (status, problem) = call(postern.portal_port, "PATCH", url, Some(&token), Some(&json!({ "per_day": 10_001 })));
    assert_eq!((status, &problem["field"]), (422, &json!("per_day")));
    let (status, problem) = call(postern.portal_port, "PUT", "/api/v1/alerts", Some(&token), None);
    assert_eq!((status, &problem["title"]), (405, &json!("Method Not Allowed")));
    let (status, problem) = call(postern.portal_port, "GET", "/api/v1/alerts?limit=0", Some(&token), None);
    assert_eq!((status, &problem["field"]), (422, &json!("query")), "{problem}");
}

/// Requests made up from the description, good ones and bad ones: the server never fails, and what
/// it answers is what the description says.
#[test]
fn the_api_is_as_its_description_says() {
    let postern = Postern::start("");
    let token = token(&postern, "schemathesis", "organization-management");
    let schemathesis = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/schemathesis/bin/schemathesis");
    let examples = std::env::var("POSTERN_API_EXAMPLES");
    let output = Command::new(&schemathesis)
        .current_dir(postern.folder.path())
        .args(["run", "--no-color", "--generation-deterministic", "--max-examples"])
        .arg(examples.as_deref().unwrap_or("25"))
        // Whether a well-formed request can be carried out depends on what there is: a name may be
        // taken, a time past.
        .args(["--exclude-checks", "positive_data_acceptance", "--exclude-path", "/api/v1/events", "--header"])
        .arg(format!("Authorization: Bearer {token}"))
        .arg(format!("http://127.0.0.1:{}/api/openapi.json", postern.portal_port))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; packaging/test-packages installs it", schemathesis.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn lists_come_page_by_page_and_are_searched() {
    let postern = Postern::start("");
    let token = token(&postern, "t", "security-administrator");
    for n in 0..5 {
        postern.ok(&["restricted", "add", &format!("user{n}"), "--reason", if n == 3 { "Zebra" } else { "x" }]);
    }
    postern.ok(&["restricted", "add", "connector:web", "--reason", "x"]);
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|r| r["entity"].as_str().unwrap().to_owned()).collect()
    };
    for (path, total) in [("/api/v1/restrictions?limit=2", 6), ("/api/v1/alerts?limit=4&status=active", 6)] {
        let (mut next, mut seen) = (Some(path.to_owned()), Vec::new());
        while let Some(path) = next {
            let (status, head, list) = exchange(postern.portal_port, "GET", &path, Some(&token), None, &[]);
            assert_eq!(status, 200, "{list}");
            seen.extend(names(&list));
            // What is added meanwhile is in front of what was seen, and moves nothing.
            let _ = postern.cli(&["restricted", "add", &format!("late{}", seen.len()), "--reason", "x"]);
            let link = head.lines().find_map(|line| line.strip_prefix("link: <"));
            next = link.map(|link| link.split('>').next().unwrap().to_owned());
        }
        let unique: std::collections::HashSet<_> = seen.iter().collect();
        assert!(seen.len() >= total && unique.len() == seen.len(), "{path}: {seen:?}");
        assert!(seen.contains(&"user0@example.com".to_owned()), "{seen:?}");
    }
    let get = |path: &str| call(postern.portal_port, "GET", path, Some(&token), None);
    assert_eq!(names(&get("/api/v1/restrictions?q=zebra").1), ["user3@example.com"]);
    assert_eq!(names(&get("/api/v1/restrictions?kind=connector").1), ["connector:web"]);
    assert_eq!(names(&get("/api/v1/alerts?policy=Connector+restricted&severity=high").1), ["connector:web"]);
    assert_eq!(get("/api/v1/audit?action=restriction&q=user4").1.as_array().unwrap().len(), 1);
    let (status, problem) = get("/api/v1/alerts?cursor=nonsense");
    assert_eq!((status, &problem["field"]), (422, &json!("cursor")));
    assert!(postern.ok(&["restricted", "list", "--search", "zebra"]).contains("user3@example.com"));
    assert!(postern.ok(&["audit", "--search", "no such thing"]).contains("No entry of the audit trail contains"));
}

#[test]
fn a_post_with_a_key_is_done_once() {
    let postern = Postern::start("");
    let token = token(&postern, "t", "organization-management");
    let post = |path: &str, key: &str, body: &Value| {
        exchange(postern.portal_port, "POST", path, Some(&token), Some(body), &[("Idempotency-Key", key)])
    };
    let restrict = json!({ "entity": "alice", "reason": "once" });
    let first = post("/api/v1/restrictions", "k1", &restrict);
    let second = post("/api/v1/restrictions", "k1", &restrict);
    assert_eq!((first.0, second.0, &first.2), (201, 201, &second.2));
    assert!(second.1.contains("idempotency-replayed: true") && !first.1.contains("replayed"), "{}", second.1);
    assert_eq!(postern.json(&["alerts"]).as_array().unwrap().len(), 1);
    // Without the key it is another request, and refused for what it is.
    assert_eq!(call(postern.portal_port, "POST", "/api/v1/restrictions", Some(&token), Some(&restrict)).0, 409);
    let (status, _, problem) = post("/api/v1/restrictions", "k1", &json!({ "entity": "bob", "reason": "other" }));
    assert_eq!((status, &problem["field"]), (422, &json!("Idempotency-Key")));
    // A refusal is an answer, too.
    let refused = post("/api/v1/restrictions", "k2", &restrict);
    assert_eq!((refused.0, post("/api/v1/restrictions", "k2", &restrict).0), (409, 409));
    // A secret is kept nowhere.
    let made = post("/api/v1/tokens", "k3", &json!({ "name": "n", "role": "global-reader" }));
    assert_eq!(made.0, 201);
    let again = post("/api/v1/tokens", "k3", &json!({ "name": "n", "role": "global-reader" }));
    assert_eq!((again.0, again.2["detail"].as_str().unwrap().contains("shown once")), (409, true), "{}", again.2);
    let database = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    let kept: i64 = database
        .query_row(
            "SELECT count(*) FROM idempotency WHERE body LIKE ?1",
            [format!("%{}%", made.2["token"].as_str().unwrap())],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, 0);
    let (status, _) = call_with(
        postern.portal_port,
        "POST",
        "/api/v1/restrictions",
        Some(&token),
        Some(&restrict),
        &[("Idempotency-Key", &"x".repeat(256))],
    );
    assert_eq!(status, 422);
}

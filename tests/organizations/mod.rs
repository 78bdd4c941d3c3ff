//! Organizations of a hoster: each has its own, and learns nothing of another's.

use std::io::BufRead;

use serde_json::{Value, json};

use crate::harness::http::{begin, begin_with, call, call_with, exchange};
use crate::harness::postern::Postern;
use crate::harness::wait_for;

/// A hoster with two customers; a mail of each beyond its limit.
fn hoster() -> Postern {
    let postern = Postern::start("[outbound_policy]\nexternal_per_hour = 2\nnotify = [\"noc@example.com\"]\n");
    postern.ok(&[
        "organization",
        "add",
        "contoso",
        "--name",
        "Contoso Ltd",
        "--domain",
        "contoso.example",
        "--domain",
        "contoso.test",
        "--admin",
        "it@contoso.example",
        "--helpdesk",
        "help@contoso.example",
        "--time-zone",
        "Europe/Berlin",
    ]);
    postern.ok(&["organization", "add", "fabrikam", "--domain", "fabrikam.example"]);
    postern
}

fn token(postern: &Postern, organization: &str, role: &str) -> String {
    let name = format!("{organization}-{role}");
    postern.ok(&["--organization", organization, "token", "add", &name, "--role", role]).trim().to_owned()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["entity"].as_str().unwrap_or_default()).collect()
}

#[test]
fn each_organization_has_its_own_recipients_policies_and_admins() {
    let mut postern = hoster();
    let mut door = postern.door();
    // Within Contoso is internal; the neighbours and the hoster are not.
    let to = ["a@contoso.test", "b@contoso.example", "c@fabrikam.example", "d@example.com"];
    assert_eq!(door.whole("u@contoso.example", "1", &to), "DUNNO");
    assert_eq!(postern.count("u@contoso.example", "internal_per_hour"), 2);
    assert_eq!(postern.count("u@contoso.example", "external_per_hour"), 2);
    // The hoster's default policy holds until there is one of their own, without the people it names.
    let of = |postern: &Postern, organization: &str| {
        let policy = postern.json(&["--organization", organization, "policy", "show"])[0].clone();
        (policy["limits"]["external_per_hour"].clone(), policy["notify"].clone())
    };
    assert_eq!(of(&postern, "contoso"), (json!(2), json!([])));
    postern.ok(&["--organization", "contoso", "policy", "set", "Default", "external_per_hour=3"]);
    postern.ok(&["policy", "set", "Default", "external_per_hour=1"]);
    assert_eq!((of(&postern, "contoso").0, of(&postern, "fabrikam").0), (json!(3), json!(1)));
    assert_eq!(door.whole("u@contoso.example", "2", &["x@y.example"]), "DUNNO");
    assert!(door.whole("u@contoso.example", "3", &["x@y.example"]).starts_with("550 5.1.8"));
    // A restricted account may still write to its own helpdesk, not to the neighbours' postmaster.
    assert_eq!(door.whole("u@contoso.example", "4", &["help@contoso.example"]), "DUNNO");
    assert!(door.whole("u@contoso.example", "5", &["postmaster@fabrikam.example"]).starts_with("550"));
    let alerts = postern.json(&["--organization", "contoso", "alerts", "policies", "show", "Connector restricted"]);
    assert_eq!(alerts["mails_to"], json!(["it@contoso.example"]));
    let why = postern.json(&["restricted", "show", "u@contoso.example"]);
    let outbox = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    let told: Vec<String> = outbox
        .prepare("SELECT recipient FROM outbox WHERE reference = ?1 ORDER BY id")
        .unwrap()
        .query_map([why[0]["reference"].as_str().unwrap()], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(told, ["it@contoso.example", "u@contoso.example"]);
    // All of it survives.
    postern.restart_after_kill_9();
    assert_eq!((of(&postern, "contoso").0, of(&postern, "fabrikam").0), (json!(3), json!(1)));
    assert_eq!(postern.json(&["organization"]).as_array().unwrap().len(), 3);
    postern.ok(&["organization", "remove", "fabrikam"]);
    assert_eq!(postern.json(&["organization"]).as_array().unwrap().len(), 2);
    let fails = |arguments: &[&str], code: i32, says: &str| {
        let output = postern.cli(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(says)), (Some(code), true), "{arguments:?}: {said}");
    };
    fails(&["organization", "add", "x", "--domain", "contoso.test"], 2, "contoso.test is another organization's");
    fails(&["organization", "add", "x", "--domain", "example.com"], 2, "is another organization's");
    fails(&["organization", "add", "Bad Id", "--domain", "x.example"], 2, "expected up to 40 lower-case letters");
    fails(&["organization", "set", "default", "--name", "x"], 4, "in the configuration file");
    fails(&["--organization", "fabrikam", "restricted"], 3, "there is no organization fabrikam");
}

#[test]
fn an_admin_of_one_organization_learns_nothing_of_another() {
    let postern = hoster();
    let admin = token(&postern, "contoso", "organization-management");
    for account in ["a@contoso.example", "b@fabrikam.example", "c@example.com"] {
        postern.ok(&["restricted", "add", account, "--reason", "x"]);
        postern.ok(&["allowance", "grant", account, "--per-day", "5000", "--until", "2099-01-01T00:00:00Z", "-r", "x"]);
    }
    token(&postern, "fabrikam", "security-reader");
    postern.ok(&["--organization", "fabrikam", "person", "invite", "p@fabrikam.example", "--role", "global-reader"]);
    postern.ok(&["--organization", "fabrikam", "policy", "add", "Secret", "users=b@fabrikam.example", "per_day=9"]);

    lists_have_only_their_own(&postern, &admin);
    what_is_there_and_what_is_not_is_answered_alike(&postern, &admin);
    the_provider_s_routes_are_closed(&postern, &admin);
    invitations_are_to_their_own_domains(&postern, &admin);
    // Nothing of theirs was touched.
    assert_eq!(postern.restricted().len(), 3);
    assert_eq!(postern.json(&["allowance"]).as_array().unwrap().len(), 3);
}

fn lists_have_only_their_own(postern: &Postern, admin: &str) {
    let get = |path: &str| call(postern.portal_port, "GET", &format!("/api/v1{path}"), Some(admin), None);
    for list in ["/restrictions", "/restrictions?all=true", "/alerts", "/allowances"] {
        assert_eq!(names(&get(list).1), ["a@contoso.example"], "{list}");
    }
    for path in [
        "/people",
        "/tokens",
        "/sessions",
        "/policies",
        "/alert-policies",
        "/audit?limit=1000",
        "/organizations",
        "/accounts",
        "/policy-file",
    ] {
        let (status, answer) = get(path);
        let text = answer.to_string();
        assert_eq!(status, 200, "{path}: {text}");
        assert!(!text.contains("fabrikam") && !text.contains("Secret") && !text.contains("noc@"), "{path}: {text}");
    }
    assert!(get("/audit").1.as_array().unwrap().iter().any(|entry| entry["action"] == "restriction.add"));
    for everywhere in ["/status", "/directory", "/audit/verify"] {
        assert_eq!(get(everywhere).0, 403, "{everywhere}");
    }
}

fn what_is_there_and_what_is_not_is_answered_alike(postern: &Postern, admin: &str) {
    let port = postern.portal_port;
    let reference =
        |account: &str| postern.json(&["restricted", "show", account])[0]["reference"].as_str().unwrap().to_owned();
    let (theirs, none) = (reference("b@fabrikam.example"), "PR-0000-0000".to_owned());
    let same = |method: &str, path: &dyn Fn(&str) -> String, one: &str, other: &str, body: Option<Value>| {
        let ask = |what: &str| {
            let (status, answer) = call(port, method, &format!("/api/v1{}", path(what)), Some(admin), body.as_ref());
            (status, answer.to_string().replace(what, "…"))
        };
        assert_eq!(ask(one), ask(other), "{method} {}", path("…"));
        assert_eq!(ask(one).0, 404, "{method} {}", path("…"));
    };
    let (there, nowhere) = ("b@fabrikam.example", "nobody@fabrikam.example");
    same("GET", &|e| format!("/restrictions/{e}"), there, nowhere, None);
    same("GET", &|e| format!("/usage/{e}"), there, nowhere, None);
    same("GET", &|e| format!("/accounts/{e}/policy"), there, nowhere, None);
    same("POST", &|e| format!("/restrictions/{e}/release"), there, nowhere, Some(json!({ "reason": "x" })));
    same("POST", &|e| format!("/allowances/{e}/end"), there, nowhere, Some(json!({})));
    same("GET", &|r| format!("/incidents/{r}"), &theirs, &none, None);
    same("GET", &|r| format!("/alerts/{r}"), &theirs, &none, None);
    same("PATCH", &|r| format!("/alerts/{r}"), &theirs, &none, Some(json!({ "comment": "x" })));
    same(
        "PATCH",
        &|p| format!("/people/{p}"),
        "p@fabrikam.example",
        "q@fabrikam.example",
        Some(json!({ "disabled": true })),
    );
    same("DELETE", &|p| format!("/people/{p}"), "p@fabrikam.example", "q@fabrikam.example", None);
    same("DELETE", &|t| format!("/tokens/{t}"), "fabrikam-security-reader", "nothing", None);
    same("GET", &|p| format!("/policies/{p}"), "Secret", "Nothing", None);
}

fn the_provider_s_routes_are_closed(postern: &Postern, admin: &str) {
    let port = postern.portal_port;
    let narrow = |id: &str| {
        let (status, answer) =
            call_with(port, "GET", "/api/v1/restrictions", Some(admin), None, &[("Postern-Organization", id)]);
        (status, answer.to_string().replace(id, "…"))
    };
    assert_eq!(narrow("fabrikam"), narrow("nothing"));
    assert_eq!(narrow("contoso").0, 200);
    for (method, path, body) in [
        ("POST", "/organizations", json!({ "id": "x", "domains": ["x.example"] })),
        ("PATCH", "/organizations/contoso", json!({ "domains": ["fabrikam.example"] })),
        ("POST", "/directory/refresh", json!({})),
    ] {
        assert_eq!(call(port, method, &format!("/api/v1{path}"), Some(admin), Some(&body)).0, 403, "{path}");
    }
}

fn invitations_are_to_their_own_domains(postern: &Postern, admin: &str) {
    let port = postern.portal_port;
    let invite = |address: &str| {
        let body = json!({ "address": address, "role": "security-reader" });
        call(port, "POST", "/api/v1/people", Some(admin), Some(&body))
    };
    assert_eq!((invite("x@fabrikam.example").0, invite("p@fabrikam.example").0), (422, 422));
    assert_eq!(invite("x@contoso.test").0, 201);
    assert_eq!(postern.json(&["--organization", "fabrikam", "person"])[0]["address"], "p@fabrikam.example");
}

#[test]
fn numbers_tell_an_organization_nothing_of_others() {
    let postern = hoster();
    let port = postern.portal_port;
    let watcher = token(&postern, "contoso", "security-reader");
    for account in
        ["a@contoso.example", "b@fabrikam.example", "c@example.com", "d@contoso.example", "e@fabrikam.example"]
    {
        postern.ok(&["restricted", "add", account, "--reason", "x"]);
    }
    let (status, head, page) = exchange(port, "GET", "/api/v1/audit?limit=2", Some(&watcher), None, &[]);
    assert_eq!(status, 200);
    let entries = |page: &Value| -> Vec<(i64, String)> {
        let entry = |entry: &Value| (entry["seq"].as_i64().unwrap(), entry["target"].as_str().unwrap().to_owned());
        page.as_array().unwrap().iter().map(entry).collect()
    };
    let newest = entries(&page);
    let last = newest[0].0;
    assert_eq!(newest, [(last, "d@contoso.example".into()), (last - 1, "a@contoso.example".into())]);
    assert!(page[0].get("hash").is_none() && page[0].get("previous").is_none(), "{page}");
    // The pages go on by the same numbers, down to the first.
    let mut next = link(&head);
    let mut seen = newest;
    while let Some(path) = next {
        let (status, head, page) = exchange(port, "GET", &path, Some(&watcher), None, &[]);
        assert_eq!(status, 200, "{page}");
        seen.extend(entries(&page));
        next = link(&head);
    }
    assert_eq!(seen.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (1..=last).rev().collect::<Vec<_>>());
    // Whoever looks after all of them sees the whole trail.
    let whole = postern.json(&["audit"]);
    assert!(whole[0]["seq"].as_i64().unwrap() > last && whole[0]["hash"].is_string());
    // Events have the same numbers.
    let header = format!("Last-Event-ID: {}\r\n", last - 1);
    let (_, mut stream) = begin_with(port, "/api/v1/events", Some(&watcher), &header);
    let mut id = String::new();
    wait_for("the event", || {
        id.clear();
        stream.read_line(&mut id).unwrap();
        id.starts_with("id: ")
    });
    assert_eq!(id.trim(), format!("id: {last}"));
}

fn link(head: &str) -> Option<String> {
    let link = head.lines().find_map(|line| line.strip_prefix("link: <"));
    link.map(|link| link.split('>').next().unwrap().to_owned())
}

#[test]
fn events_are_told_to_whom_they_concern() {
    let postern = hoster();
    let watcher = token(&postern, "contoso", "security-reader");
    let (status, mut stream) = begin(postern.portal_port, "/api/v1/events", Some(&watcher));
    assert_eq!(status, 200);
    for account in ["b@fabrikam.example", "c@example.com", "a@contoso.example"] {
        postern.ok(&["restricted", "add", account, "--reason", "x"]);
    }
    let mut data = None;
    wait_for("the event", || {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        data = line.strip_prefix("data: ").map(|data| serde_json::from_str::<Value>(data).unwrap());
        data.is_some()
    });
    let data = data.unwrap();
    assert_eq!((&data["data"]["entity"], &data["organization"]), (&json!("a@contoso.example"), &json!("contoso")));
}

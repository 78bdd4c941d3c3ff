//! People: signing up, in and out, by every way there is.

use std::io::Write;

use serde_json::json;

use crate::harness::browser::{flows, node};
use crate::harness::http::call;
use crate::harness::postern::Postern;
use crate::harness::process::Process;
use crate::harness::{free_port, wait_for};

/// The link for the first admin, from the log of the first start.
fn first_admin_link(postern: &Postern) -> String {
    let log = postern.log();
    let at = log.find("/sign-up/").unwrap_or_else(|| panic!("no link in:\n{log}"));
    let start = log[..at].rfind("http").unwrap();
    log[start..].split(['"', ' ', '\n', '\u{1b}']).next().unwrap().to_owned()
}

#[test]
fn people_sign_up_in_and_out() {
    let postern = Postern::start("");
    flows(&postern, "access/sign_in.mjs", &[("FIRST_ADMIN_LINK", &first_admin_link(&postern))]);
}

#[test]
fn the_single_sign_on_provider_says_who_somebody_is() {
    let mut postern = Postern::configured("");
    let secret = postern.folder.path().join("secret");
    std::fs::File::create(&secret).unwrap().write_all(b"a secret between us\n").unwrap();
    let provider_port = free_port();
    postern.configure(&format!(
        "[single_sign_on]\nname = \"Example login\"\nissuer = \"http://localhost:{provider_port}\"\n\
         client_id = \"postern\"\nclient_secret_file = \"{}\"\nscopes = [\"email\", \"profile\", \"groups\"]\n\
         organization_management = [\"mail-admins\"]\nsecurity_reader = [\"auditors\", \"watch\"]\n",
        secret.display()
    ));
    postern.run();
    let redirect = format!("http://localhost:{}/sign-in/single-sign-on/callback", postern.portal_port);
    let mut provider = node("access/provider.mjs");
    provider.env("PROVIDER_PORT", provider_port.to_string()).env("REDIRECT", redirect);
    let log = std::fs::File::create(postern.folder.path().join("provider.log")).unwrap();
    provider.stdout(log.try_clone().unwrap()).stderr(log);
    let _provider = Process::spawn(&mut provider);
    wait_for("the provider", || std::net::TcpStream::connect(("127.0.0.1", provider_port)).is_ok());
    flows(&postern, "access/single_sign_on.mjs", &[]);
}

#[test]
fn people_are_managed_from_the_command_line() {
    let postern = Postern::start("");
    let link = postern.ok(&["person", "invite", "Alice@Example.com", "--role", "security-reader"]);
    assert!(link.starts_with(&format!("http://localhost:{}/sign-up/", postern.portal_port)), "{link}");
    let people = postern.json(&["person"]);
    assert_eq!(
        (&people[0]["address"], &people[0]["state"], &people[0]["role"]),
        (&json!("alice@example.com"), &json!("invited"), &json!("security-reader"))
    );
    // The same again, with another role: the first link is void.
    let again = postern.ok(&["person", "invite", "alice@example.com", "--role", "global-reader"]);
    assert_ne!(link, again);
    let path = |link: &str| link.trim().split_once("/sign-up/").map(|(_, token)| format!("/sign-up/{token}")).unwrap();
    assert!(postern.http(&path(&link)).unwrap().starts_with("HTTP/1.1 404"));
    assert!(postern.http(&path(&again)).unwrap().contains("Global reader"));
    postern.ok(&["person", "role", "alice@example.com", "security-administrator"]);
    let fails = |arguments: &[&str], code: i32, says: &str| {
        let output = postern.cli(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(says)), (Some(code), true), "{arguments:?}: {said}");
    };
    fails(&["person", "invite", "not an address", "--role", "global-reader"], 2, "address");
    fails(&["person", "role", "bob@example.com", "global-reader"], 3, "there is no person bob@example.com");
    fails(&["session", "end", "0123"], 3, "there is no session 0123");
    postern.ok(&["person", "disable", "alice@example.com"]);
    fails(&["person", "reset", "alice@example.com"], 4, "disabled");
    postern.ok(&["person", "enable", "alice@example.com"]);
    assert_eq!(postern.json(&["person"])[0]["state"], "invited");
    postern.ok(&["person", "remove", "alice@example.com"]);
    assert_eq!(postern.json(&["person"]), json!([]));
    let actions: Vec<_> =
        postern.json(&["audit"]).as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(actions[..2], [json!("person.remove"), json!("person.change")]);
    assert_eq!(postern.json(&["session"]), json!([]));
}

#[test]
fn pages_are_kept_from_other_sites() {
    let postern = Postern::start("");
    let page = postern.http("/sign-in").unwrap();
    for header in [
        "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: same-origin",
        "cache-control: no-store",
        "cross-origin-opener-policy: same-origin",
    ] {
        assert!(page.contains(header), "{header} in {page}");
    }
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick"), "{page}");
    let first_page = page.len()
        + ["portal.css", "portal.js", "icon.svg"]
            .iter()
            .map(|name| {
                let at = page.find(name).unwrap_or_else(|| panic!("{name}"));
                let start = page[..at].rfind('"').unwrap() + 1;
                let path = page[start..].split('"').next().unwrap();
                let asset = postern.http(path).unwrap();
                assert!(asset.contains("immutable"), "{asset}");
                asset.len()
            })
            .sum::<usize>();
    assert!(first_page < 100_000, "{first_page}");
    // A form that another site has the browser send.
    let (status, _) = raw_post(&postern, "/sign-in", "Sec-Fetch-Site: cross-site\r\n", "address=a&password=b");
    assert_eq!(status, 403);
    let (status, _) = raw_post(&postern, "/sign-in", "Origin: https://evil.example\r\n", "address=a&password=b");
    assert_eq!(status, 403);
    let (status, body) = raw_post(&postern, "/sign-in", "", "address=a%40example.com&password=b");
    assert!(status == 401 && body.contains("The address or the password is wrong"), "{status} {body}");
    // Addresses of the API are answered as such.
    let (status, problem) = call(postern.portal_port, "GET", "/api/v1/nothing", None, None);
    assert_eq!((status, &problem["title"]), (404, &json!("Not Found")));
    assert!(postern.http("/nothing").unwrap().contains("There is no such page"));
}

fn raw_post(postern: &Postern, path: &str, headers: &str, form: &str) -> (u16, String) {
    use std::io::Read;
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", postern.portal_port)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

#[test]
fn the_owner_of_a_restricted_account_sees_why() {
    let mut postern = Postern::configured("");
    let base = format!("http://localhost:{}", postern.portal_port);
    postern.configure("[outbound_policy]\nexternal_per_hour = 1\n");
    let text = std::fs::read_to_string(postern.config()).unwrap();
    std::fs::write(postern.config(), text.replace("[portal]", &format!("[portal]\nurl = \"{base}\""))).unwrap();
    postern.run();
    let mut door = postern.door();
    door.whole("alice", "1", &["a@x.example"]);
    let refused = door.whole("alice", "2", &["b@x.example"]);
    let text = format!("{refused:?}");
    let at = text.find("See http").unwrap_or_else(|| panic!("{text}"));
    let link = text[at + 4..].split(['"', '\\', '\n']).next().unwrap().to_owned();
    flows(&postern, "access/why.mjs", &[("WHY", &link)]);
}

//! Accounts and groups from real directories: SQLite, PostgreSQL, MariaDB, LDAP.

mod servers;

use serde_json::{Value, json};

use crate::harness::postern::Postern;
use crate::harness::wait_for;
use servers::{Mariadb, Postgresql, Slapd};

/// A Postern with a policy for the group that the directory alone knows.
fn start(directory: &str) -> Postern {
    let postern = Postern::start(&format!("[[directory]]\nname = \"vmail\"\n{directory}\n"));
    wait_read(&postern);
    postern.ok(&["policy", "add", "Newsletter", "groups=marketing", "external_per_hour=2000"]);
    postern
}

fn state(postern: &Postern) -> Value {
    postern.json(&["directory"])[0].clone()
}

fn wait_read(postern: &Postern) {
    wait_for("the directory to be read", || state(postern)["read_at"].is_string());
}

fn policy(postern: &Postern, account: &str) -> String {
    postern.json(&["policy", "explain", account])["policy"]["name"].as_str().unwrap().to_owned()
}

/// What holds for every kind of directory: `bob_joins` puts bob into the group, `away` ends the
/// server.
fn holds(mut postern: Postern, place: &str, bob_joins: impl FnOnce(), away: impl FnOnce()) {
    let read = state(&postern);
    assert_eq!((&read["accounts"], &read["members"], &read["error"]), (&json!(3), &json!(1), &json!(null)), "{read}");
    assert!(read["place"].as_str().unwrap().contains(place) && !read.to_string().contains("sesame"), "{read}");
    let alice = postern.json(&["policy", "explain", "ALICE"]);
    assert_eq!((&alice["name"], &alice["in_directory"]), (&json!("Alice Ödegård"), &json!(true)), "{alice}");
    assert_eq!((policy(&postern, "alice"), policy(&postern, "bob")), ("Newsletter".into(), "Default".into()));
    // Whom the directory does not have is counted all the same.
    let mut door = postern.door();
    door.whole("mallory", "1", &["a@x.example", "b@x.example"]);
    assert_eq!(postern.count("mallory", "external_per_hour"), 2);
    assert_eq!(postern.json(&["policy", "explain", "mallory"])["in_directory"], json!(false));

    bob_joins();
    postern.ok(&["directory", "refresh"]);
    wait_for("bob to be in the group", || policy(&postern, "bob") == "Newsletter");

    away();
    postern.ok(&["directory", "refresh"]);
    wait_for("the directory to be away", || state(&postern)["error"].is_string());
    assert_eq!(policy(&postern, "bob"), "Newsletter");
    // After a restart, too: what was read last is kept.
    postern.restart_after_kill_9();
    wait_for("the directory to be away", || state(&postern)["error"].is_string());
    assert_eq!((policy(&postern, "bob"), state(&postern)["accounts"].clone()), ("Newsletter".into(), json!(3)));
    assert!(postern.log().contains("the data read last stays in use"), "{}", postern.log());
    assert!(postern.http("/readyz").unwrap().starts_with("HTTP/1.1 200"));
}

const TABLES: &str = "CREATE TABLE mailbox (username VARCHAR(200), name VARCHAR(200), active INTEGER);
     CREATE TABLE members (grp VARCHAR(200), username VARCHAR(200));
     INSERT INTO mailbox VALUES ('Alice@Example.com', 'Alice Ödegård', 1), ('bob@example.com', NULL, 1),
         ('carol@example.com', 'Carol', 1), ('gone@example.com', 'Gone', 0);
     INSERT INTO members VALUES ('marketing', 'alice@example.com');";
const BOB_JOINS: &str = "INSERT INTO members VALUES ('marketing', 'BOB@example.com');";
const QUERIES: &str = "accounts = \"SELECT username, name FROM mailbox WHERE active = 1\"\n\
     groups = \"SELECT grp, username FROM members\"";

#[test]
fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vmail.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(TABLES).unwrap();
    let postern = start(&format!("url = \"sqlite:{}\"\n{QUERIES}", path.display()));
    holds(postern, "vmail.db", || db.execute_batch(BOB_JOINS).unwrap(), || std::fs::remove_file(&path).unwrap());
}

#[test]
fn postgresql() {
    let server = Postgresql::start();
    server.sql(TABLES);
    let (url, secret) = (server.url(), server.password_file());
    let postern = start(&format!("url = \"{url}\"\npassword_file = \"{secret}\"\n{QUERIES}"));
    holds(postern, &format!("127.0.0.1:{}/vmail", server.port), || server.sql(BOB_JOINS), || server.stop());
}

#[test]
fn mariadb() {
    let server = Mariadb::start();
    server.sql(TABLES);
    let (url, secret) = (server.url(), server.password_file());
    let postern = start(&format!("url = \"{url}\"\npassword_file = \"{secret}\"\n{QUERIES}"));
    holds(postern, &format!("127.0.0.1:{}/vmail", server.port), || server.sql(BOB_JOINS), || server.stop());
}

#[test]
fn ldap() {
    let server = Slapd::start();
    let postern = start(&format!(
        "url = \"{}\"\nbase = \"dc=example,dc=com\"\nbind_dn = \"cn=admin,dc=example,dc=com\"\npassword_file = \"{}\"",
        server.url(),
        server.password_file(),
    ));
    holds(postern, &server.url(), || server.bob_joins(), || server.stop());
}

#[test]
fn a_directory_that_says_nonsense_is_told_of_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vmail.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(TABLES).unwrap();
    let postern = Postern::start(&format!(
        "[[directory]]\nname = \"vmail\"\nurl = \"sqlite:{}\"\ngroups = \"SELECT grp FROM members\"\n",
        path.display()
    ));
    wait_for("the directory to be tried", || state(&postern)["error"].is_string());
    assert_eq!(state(&postern)["error"], "the groups query gives one column; expected the group and a member");
}

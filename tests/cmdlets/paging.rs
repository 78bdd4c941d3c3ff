//! Long answers, page by page.

use serde_json::{Value, json};

use super::wire::{self, Wire};
use crate::harness::postern::Postern;

#[test]
fn five_thousand_are_paged_through_by_the_link() {
    let mut postern = Postern::start("");
    postern.ok(&["restricted", "add", "u0@example.com", "--reason", "phished"]);
    postern.kill_9();
    let store = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    let copies = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 4999)
        INSERT INTO restrictions (reference, entity, cause, evidence, since, organization)
        SELECT printf('PR-%04d-%04d', n / 10000, n % 10000), 'u' || n || '@example.com', cause, evidence, since - n, organization
        FROM restrictions, n";
    store.execute_batch(copies).unwrap();
    drop(store);
    postern.run();
    let wire = Wire::new(&postern, "security-reader");
    let mut seen = std::collections::BTreeSet::new();
    let (mut pages, mut address) = (0, wire.address("?$select=SenderAddress"));
    loop {
        let (status, body) = wire.post(
            &address,
            &wire::envelope("Get-BlockedSenderAddress", json!({})),
            &[("Prefer", "odata.maxpagesize=1000")],
        );
        assert_eq!(status, 200, "{body}");
        pages += 1;
        for one in body["value"].as_array().unwrap() {
            assert_eq!(wire::names(one), ["SenderAddress"]);
            assert!(seen.insert(one["SenderAddress"].to_string()), "{one} twice");
        }
        if body["@odata.nextLink"].is_null() {
            break;
        }
        address = next_of(&body);
    }
    assert_eq!((pages, seen.len()), (5, 5000));

    what_is_released_meanwhile_moves_nothing(&postern);
    what_has_no_keys_is_counted(&postern);
}

fn what_is_released_meanwhile_moves_nothing(postern: &Postern) {
    let admin = Wire::new(postern, "security-administrator");
    let page = |address: &str| {
        admin
            .post(
                address,
                &wire::envelope("Get-BlockedSenderAddress", json!({})),
                &[("Prefer", "odata.maxpagesize=10")],
            )
            .1
    };
    let first = page(&admin.address(""));
    let names = |page: &Value| {
        page["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["SenderAddress"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = names(&page(next_of(&first).as_str()));
    for name in names(&first) {
        admin.run("Remove-BlockedSenderAddress", json!({ "SenderAddress": name }));
    }
    assert_eq!(names(&page(next_of(&first).as_str())), before);
}

fn what_has_no_keys_is_counted(postern: &Postern) {
    let admin = Wire::named(postern, "counting", "security-administrator");
    let usage = |address: &str| {
        admin
            .post(
                address,
                &wire::envelope("Get-PosternUsage", json!({ "Identity": "u1@example.com" })),
                &[("Prefer", "odata.maxpagesize=5")],
            )
            .1
    };
    let first = usage(&admin.address(""));
    let second = usage(&next_of(&first));
    assert_eq!((first["value"].as_array().unwrap().len(), second["value"].as_array().unwrap().len()), (5, 4));
    assert!(second["@odata.nextLink"].is_null());
}

/// The path of the next page.
fn next_of(page: &Value) -> String {
    let next = page["@odata.nextLink"].as_str().unwrap();
    next.split_once("/adminapi").map(|(_, path)| format!("/adminapi{path}")).unwrap()
}

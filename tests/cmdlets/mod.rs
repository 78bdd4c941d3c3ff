//! Exchange's cmdlets: over the wire as its clients ask, and from a shell.

mod examples;
mod paging;
mod powershell;
mod refusals;
mod wire;

use serde_json::{Value, json};

use crate::harness::http::exchange;
use crate::harness::postern::Postern;
use crate::harness::site::Site;
use wire::Wire;

#[test]
fn a_restricted_sender_is_listed_and_released_from_the_shell() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 3\n");
    let mut alice = site.login("alice");
    for n in 1..=4 {
        alice.send("alice@example.com", &["someone@outside.example"], &format!("message {n}"));
    }
    let cmdlet = |arguments: &[&str]| site.postern.ok(&[&["cmdlet"], arguments].concat());
    let table = cmdlet(&["Get-BlockedSenderAddress"]);
    let columns: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert!(table.starts_with("SENDER ") && table.lines().all(|line| line.len() <= 80), "{table}");
    assert_eq!((columns[0], columns[3], columns[4]), ("alice@example.com", "3", "4"), "{table}");
    let listed = cmdlet(&["--list", "Get-BlockedSenderAddress"]);
    assert!(listed.contains("SenderAddress   : alice@example.com"), "{listed}");
    assert!(
        listed.contains("EmailSendingLimitExceeded;") && listed.contains("ExternalRecipientCountToday=4;"),
        "{listed}"
    );
    assert!(listed.contains("TemporaryBlock  : False"), "{listed}");
    let json: Value =
        serde_json::from_str(&site.postern.ok(&["--json", "cmdlet", "Get-BlockedSenderAddress"])).unwrap();
    assert_eq!(json[0]["SenderAddress"], "alice@example.com");
    let would =
        site.postern.cli(&["cmdlet", "Remove-BlockedSenderAddress", "-SenderAddress", "alice@example.com", "-WhatIf"]);
    assert!(String::from_utf8_lossy(&would.stderr).contains("What if:") && site.postern.restricted().len() == 1);
    assert_eq!(cmdlet(&["Remove-BlockedSenderAddress", "-SenderAddress", "alice@example.com"]), "");
    assert_eq!(cmdlet(&["Get-BlockedSenderAddress"]), "");
    let reply = site.login("alice").send("alice@example.com", &["someone@outside.example"], "after");
    assert!(reply.starts_with("250"), "{reply}");

    let policies = cmdlet(&["Get-HostedOutboundSpamFilterPolicy"]);
    assert!(
        policies.starts_with("NAME ") && policies.contains("EXTERNAL/H") && !policies.contains("GUID"),
        "{policies}"
    );
    assert!(cmdlet(&["--list", "Get-HostedOutboundSpamFilterPolicy"]).contains("AutoForwardingMode "));
    let help = cmdlet(&["Get-Help", "Remove-BlockedSenderAddress"]);
    assert!(help.contains("-SenderAddress <string>, mandatory"), "{help}");
    assert!(cmdlet(&["Get-Command"]).contains("Set-HostedOutboundSpamFilterRule"));
    for (arguments, code, says) in [
        (["Get-BlockedSender", "x"].as_slice(), 2, "did you mean Get-BlockedSenderAddress?"),
        (&["Get-BlockedSenderAddress", "-Foo", "x"], 2, "matches parameter name 'Foo'"),
        (&["Remove-BlockedSenderAddress"], 2, "missing mandatory parameters: SenderAddress"),
        (
            &["Remove-BlockedSenderAddress", "-SenderAddress", "bob"],
            3,
            "object 'bob' couldn't be found on 'example.com'",
        ),
    ] {
        let output = site.postern.cli(&[&["cmdlet"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(says), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    }
}

#[test]
fn each_role_has_its_cmdlets() {
    let postern = Postern::start("");
    postern.ok(&["restricted", "add", "laura@example.com", "--reason", "phished"]);
    let all = {
        let admin = Wire::new(&postern, "organization-management");
        admin.exported()
    };
    assert!(all.len() > 20, "{all:?}");
    for (role, manages) in [
        ("organization-management", true),
        ("security-administrator", true),
        ("security-reader", false),
        ("global-reader", false),
    ] {
        let wire = Wire::named(&postern, &format!("{role}-2"), role);
        let exported = wire.exported();
        for cmdlet in &all {
            let looks = cmdlet.starts_with("Get-");
            let (status, body) = wire.ask(cmdlet, json!({ "Foo": "nobody has it" }));
            let denied = status == 403;
            assert_eq!(denied, !(looks || manages), "{role} {cmdlet}: {body}");
            assert_eq!(exported.contains(cmdlet), !denied, "{role} {cmdlet}");
            if denied {
                assert!(body["error"]["message"].as_str().unwrap().contains("sufficient permissions"), "{body}");
            }
        }
        if !manages {
            let (status, _) = wire.ask("Remove-BlockedSenderAddress", json!({ "SenderAddress": "laura@example.com" }));
            assert_eq!((status, postern.restricted().len()), (403, 1));
        }
    }
}

#[test]
fn a_tenant_is_an_organization_and_another_s_is_not_found() {
    let postern = Postern::start("");
    postern.ok(&["organization", "add", "contoso", "--domain", "contoso.example"]);
    postern.ok(&["organization", "add", "fabrikam", "--domain", "fabrikam.example"]);
    for who in ["u@contoso.example", "u@fabrikam.example", "u@example.com"] {
        postern.ok(&["restricted", "add", who, "--reason", "phished"]);
    }
    let token =
        postern.ok(&["--organization", "contoso", "token", "add", "theirs", "--role", "security-administrator"]);
    let mut wire = Wire::with(&postern, token.trim(), "contoso.example");
    let blocked = |wire: &Wire| -> Vec<String> {
        let listed = wire.run("Get-BlockedSenderAddress", json!({}));
        listed.iter().map(|one| one["SenderAddress"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(blocked(&wire), ["u@contoso.example"]);
    let theirs = json!({ "SenderAddress": "u@fabrikam.example" });
    let (status, body) = wire.ask("Remove-BlockedSenderAddress", theirs);
    assert_eq!(status, 404, "{body}");
    assert!(body["error"]["message"].as_str().unwrap().contains("couldn't be found on 'contoso.example'"), "{body}");
    for other in ["fabrikam.example", "fabrikam", "default", "nobody.example"] {
        wire.tenant = other.into();
        assert_eq!(wire.ask("Get-BlockedSenderAddress", json!({})).0, 404, "{other}");
    }
    wire.tenant = "contoso.example".into();
    wire.run("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "Theirs" }));
    wire.run(
        "New-HostedOutboundSpamFilterRule",
        json!({ "Name": "Theirs", "HostedOutboundSpamFilterPolicy": "Theirs", "From": "laura" }),
    );
    let rule = &wire.run("Get-HostedOutboundSpamFilterRule", json!({}))[0];
    assert_eq!(rule["From"], json!(["laura@contoso.example"]), "a name alone is the tenant's own");
    let id = wire.tenant_id();
    wire.tenant = id;
    assert_eq!(blocked(&wire), ["u@contoso.example"]);
    let provider = postern.ok(&["token", "add", "provider", "--role", "security-administrator"]);
    let mut wire = Wire::with(&postern, provider.trim(), "fabrikam.example");
    assert_eq!(blocked(&wire), ["u@fabrikam.example"]);
    wire.tenant = "default".into();
    assert_eq!(blocked(&wire), ["u@example.com"]);
}

#[test]
fn what_real_clients_send_is_answered_with_what_they_read() {
    let postern = Postern::start("");
    postern.ok(&["restricted", "add", "laura@example.com", "--reason", "phished"]);
    let wire = Wire::new(&postern, "security-administrator");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cmdlets/requests");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stored: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let address = stored["path"].as_str().unwrap().replace("{tenant}", "example.com");
        let headers = stored["headers"].as_object().unwrap();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let (status, body) = wire.post(&address, &stored["body"], &headers);
        assert_eq!(status, 200, "{}: {body}", path.display());
        let first = &body["value"][0];
        for property in stored["reads"].as_array().unwrap() {
            assert!(!first[property.as_str().unwrap()].is_null(), "{}: no {property} in {first}", path.display());
        }
        count += 1;
    }
    assert!(count >= 3);

    // CIPP's batches: absolute addresses, headers for each, one that fails among them.
    let part = |id: &str, cmdlet: &str, parameters: Value| {
        json!({ "id": id, "method": "POST", "url": "https://postern.example/adminapi/beta/example.com/InvokeCommand?$select=SenderAddress",
            "headers": { "Prefer": "odata.maxpagesize = 1000;odata.continue-on-error" }, "body": wire::envelope(cmdlet, parameters) })
    };
    let parts = [
        part("a", "Get-BlockedSenderAddress", json!({})),
        part("b", "Remove-BlockedSenderAddress", json!({ "SenderAddress": "nobody@example.com" })),
        part("c", "Get-Mailbox", json!({})),
    ];
    let (status, body) = wire.post("/adminapi/beta/example.com/$batch", &json!({ "requests": parts }), &[]);
    assert_eq!(status, 200, "{body}");
    let told: Vec<_> = body["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["status"].as_u64().unwrap()))
        .collect();
    assert_eq!(told, [("a", 200), ("b", 404), ("c", 400)]);
    assert_eq!(body["responses"][0]["body"]["value"][0]["SenderAddress"], "laura@example.com");
    assert!(body["responses"][1]["body"]["error"]["message"].is_string());

    let many: Vec<_> = (0..25)
        .map(|n| part(&n.to_string(), if n == 7 { "Get-Mailbox" } else { "Get-BlockedSenderAddress" }, json!({})))
        .collect();
    let (status, body) = wire.post("/adminapi/beta/example.com/$batch", &json!({ "requests": many }), &[]);
    let well = body["responses"].as_array().unwrap().iter().filter(|one| one["status"] == 200).count();
    assert_eq!((status, well), (200, 24), "one that is refused leaves the others their answers");
    for (version, expected) in [("beta", 200), ("v1.0", 200), ("v2.0", 200), ("v3.0", 404), ("BETA", 404), ("v1", 404)]
    {
        let body = wire::envelope("Get-BlockedSenderAddress", json!({}));
        let (status, body) = wire.post(&format!("/adminapi/{version}/example.com/InvokeCommand"), &body, &[]);
        assert_eq!(status, expected, "{version}: {body}");
    }
}

#[test]
fn a_client_gets_its_token_and_finds_its_way() {
    let postern = Postern::start("");
    let secret = postern.ok(&["token", "add", "cipp", "--role", "security-reader"]).trim().to_owned();
    let ask = |form: &str| wire::form(postern.portal_port, "/example.com/oauth2/v2.0/token", form);
    let scope = "scope=https%3A%2F%2Foutlook.office365.com%2F.default";
    let (status, body) = ask(&format!("grant_type=client_credentials&client_id=cipp&client_secret={secret}&{scope}"));
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")), "{body}");
    let wire = Wire::with(&postern, body["access_token"].as_str().unwrap(), "example.com");
    assert!(wire.run("Get-BlockedSenderAddress", json!({})).is_empty());
    assert_eq!(ask("grant_type=client_credentials&client_secret=postern_wrong").0, 401);
    assert_eq!(ask("grant_type=password&username=a&password=b").1["error"], "unsupported_grant_type");
    postern.ok(&["token", "revoke", "cipp"]);
    let (status, body) = wire.ask("Get-BlockedSenderAddress", json!({}));
    assert_eq!((status, &body["error"]["code"]), (401, &json!("Unauthorized")), "{body}");

    let wire = Wire::new(&postern, "security-reader");
    let token = Some(wire.token.as_str());
    let address = "/adminapi/v1.0/example.com/EXOBanner('AutogenSession')?Version=3.9.2";
    let (status, head, _) = exchange(postern.portal_port, "GET", address, token, None, &[]);
    assert_eq!(status, 302);
    assert!(head.to_lowercase().contains("location: http://localhost/adminapi"), "{head}");
    // What is small is sent as it is, what is not is compressed for those who take it.
    let zipped = wire.gzipped("Get-HostedOutboundSpamFilterPolicy");
    assert_eq!(zipped["value"][0]["Name"], "Default");
}

//! Exchange's cmdlets: over the wire as its clients ask, and from a shell.

mod powershell;
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

/// Every example of the documentation, in an order in which each finds what it needs, and what comes of
/// it.
#[test]
fn the_documented_examples_do_what_they_say() {
    let postern = Postern::start("[[connector]]\nname = \"crm\"\nnetworks = [\"192.0.2.7\"]\n");
    let wire = Wire::new(&postern, "organization-management");
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);

    postern.ok(&["restricted", "add", "laura@example.com", "--reason", "phished; again"]);
    postern.ok(&["restricted", "add", "julia@example.com", "--reason", "phished"]);
    postern.ok(&["restricted", "add", "connector:crm", "--reason", "broken form"]);
    let laura = run("Get-BlockedSenderAddress", json!({ "SenderAddress": "laura@example.com" }));
    let [laura] = laura.as_slice() else { panic!("{laura:?}") };
    assert_eq!(wire::names(laura), ["SenderAddress", "Reason", "CreatedDatetime", "ChangedDatetime", "TemporaryBlock"]);
    assert_eq!((&laura["SenderAddress"], &laura["TemporaryBlock"]), (&json!("laura@example.com"), &json!(false)));
    assert_eq!(laura["CreatedDatetime@data.type"], "System.DateTime");
    assert!(laura["CreatedDatetime"].as_str().unwrap().ends_with("0000Z"), "{laura}");
    assert!(
        laura["Reason"].as_str().unwrap().starts_with("RestrictedByAdmin;Comment=phished, again;Reference=PR-"),
        "{laura}"
    );
    assert_eq!(run("Remove-BlockedSenderAddress", json!({ "SenderAddress": "julia@example.com" })), [json!(null); 0]);
    assert_eq!(run("get-blockedsenderaddress", json!({})).len(), 1);

    let connectors = run("Get-BlockedConnector", json!({}));
    let id = connectors[0]["ConnectorId"].as_str().unwrap();
    assert_eq!((id.len(), &connectors[0]["ConnectorName"]), (36, &json!("crm")));
    assert_eq!(run("Get-BlockedConnector", json!({ "ConnectorId": id.to_uppercase() })), connectors);
    run("Remove-BlockedConnector", json!({ "ConnectorId": id, "Reason": "mended" }));
    assert!(run("Get-BlockedConnector", json!({})).is_empty());

    run(
        "New-HostedOutboundSpamFilterPolicy",
        json!({ "Name": "Contoso Executives", "RecipientLimitExternalPerHour": 400, "RecipientLimitInternalPerHour": "800",
            "RecipientLimitPerDay": 800, "ActionWhenThresholdReached": "BlockUser" }),
    );
    assert!(run("Get-HostedOutboundSpamFilterRule", json!({})).is_empty(), "it has no rule yet");
    let rule = json!({ "Name": "Contoso Executives", "HostedOutboundSpamFilterPolicy": "Contoso Executives",
        "FromMemberOf": "Contoso Executives Group" });
    run("New-HostedOutboundSpamFilterRule", rule);
    // One object, for the portal and for everybody else.
    let one = postern.json(&["policy", "show", "Contoso Executives"])[0].clone();
    let expected = json!([400, 800, 800, "restrict", ["Contoso Executives Group"], true, 0]);
    let keys = ["external_per_hour", "internal_per_hour", "per_day", "action", "groups", "enabled", "priority"];
    assert_eq!(json!(keys.map(|key| one[key].clone())), expected, "{one}");

    run(
        "Set-HostedOutboundSpamFilterPolicy",
        json!({ "Identity": "Default", "RecipientLimitExternalPerHour": 500, "RecipientLimitInternalPerHour": 1000,
            "RecipientLimitPerDay": 1000, "ActionWhenThresholdReached": "BlockUser" }),
    );
    let all = run("Get-HostedOutboundSpamFilterPolicy", json!({}));
    assert_eq!(
        all.iter().map(|one| one["Name"].as_str().unwrap()).collect::<Vec<_>>(),
        ["Contoso Executives", "Default"]
    );
    let default = &all[1];
    assert_eq!((&default["IsDefault"], &default["RecipientLimitPerDay"]), (&json!(true), &json!(1000)));
    assert_eq!((&default["AutoForwardingMode"], &default["Enabled"]), (&json!("Automatic"), &json!(true)));
    assert!(all[0]["WhenCreated"].is_string() && all[0]["Guid"].as_str().unwrap().len() == 36);

    // One that is made as one object shows as policy and rule.
    postern.ok(&["policy", "add", "Marketing Department", "groups=marketing", "except_users=boss@example.com"]);
    postern.ok(&["policy", "add", "Interns", "domains=interns.example.com"]);
    run("Set-HostedOutboundSpamFilterRule", json!({ "Identity": "Contoso Executives", "Priority": 2 }));
    let rules = run("Get-HostedOutboundSpamFilterRule", json!({ "State": "enabled" }));
    let order: Vec<_> =
        rules.iter().map(|rule| (rule["Name"].as_str().unwrap(), rule["Priority"].as_u64().unwrap())).collect();
    assert_eq!(order, [("Marketing Department", 0), ("Interns", 1), ("Contoso Executives", 2)]);
    assert_eq!(rules[0]["ExceptIfFrom"], json!(["boss@example.com"]));
    assert_eq!(rules[0]["HostedOutboundSpamFilterPolicy"], "Marketing Department");
    run("Set-HostedOutboundSpamFilterRule", json!({ "Identity": "Contoso Executives", "Priority": 0 }));
    assert_eq!(run("Get-HostedOutboundSpamFilterRule", json!({}))[0]["Name"], "Contoso Executives");

    // Names of their own, lists as changes, switches, off and on, another policy.
    run("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "Plain" }));
    let plain = &run("Get-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Plain" }))[0];
    assert_eq!(plain["ActionWhenThresholdReached"], "BlockUserForToday", "Exchange's default");
    run("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "Spare", "RecommendedPolicyType": "Strict" }));
    // Neither, if the other can't be.
    let wrong =
        json!({ "Identity": "Interns", "HostedOutboundSpamFilterPolicy": "Spare", "SenderDomainIs": "not a domain" });
    let (status, body) = wire.ask("Set-HostedOutboundSpamFilterRule", wrong);
    assert_eq!((status, &body["error"]["details"][0]["target"]), (400, &json!("SenderDomainIs")), "{body}");
    let kept = &run("Get-HostedOutboundSpamFilterRule", json!({ "Identity": "Interns" }))[0];
    assert_eq!((&kept["SenderDomainIs"], &kept["Priority"]), (&json!(["interns.example.com"]), &json!(2)));
    let change = json!({ "Identity": "Interns", "Name": "Interns rule", "Comments": "summer",
        "SenderDomainIs": { "Add": "trainees.example.com", "Remove": "interns.example.com" }, "HostedOutboundSpamFilterPolicy": "Spare", "Priority": 1 });
    run("Set-HostedOutboundSpamFilterRule", change);
    let rules = run("Get-HostedOutboundSpamFilterRule", json!({}));
    let order: Vec<_> = rules.iter().map(|rule| rule["Name"].as_str().unwrap()).collect();
    assert_eq!(order, ["Contoso Executives", "Interns rule", "Marketing Department"]);
    let same = json!({ "Identity": "Interns rule", "HostedOutboundSpamFilterPolicy":
        run("Get-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Spare" }))[0]["Guid"] });
    run("Set-HostedOutboundSpamFilterRule", same);
    let moved = &run("Get-HostedOutboundSpamFilterRule", json!({ "Identity": "interns RULE" }))[0];
    assert_eq!((&moved["HostedOutboundSpamFilterPolicy"], &moved["Comments"]), (&json!("Spare"), &json!("summer")));
    assert_eq!(moved["SenderDomainIs"], json!(["trainees.example.com"]));
    run("Disable-HostedOutboundSpamFilterRule", json!({ "Identity": moved["Guid"] }));
    assert_eq!(run("Get-HostedOutboundSpamFilterRule", json!({ "State": "Disabled" })).len(), 1);
    run("Enable-HostedOutboundSpamFilterRule", json!({ "Identity": "Interns rule" }));
    run("Remove-HostedOutboundSpamFilterRule", json!({ "Identity": "Interns rule" }));
    assert_eq!(postern.json(&["policy", "show", "Spare"])[0]["enabled"], json!(false));
    run("Remove-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Spare", "Force": { "IsPresent": true } }));
    let (_, body) = wire.ask("Remove-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Contoso Executives" }));
    assert!(body["@adminapi.warnings"][0].as_str().unwrap().contains("Exchange would leave it behind"), "{body}");
    let notify = json!({ "Identity": "Default", "NotifyOutboundSpam": true, "NotifyOutboundSpamRecipients": ["soc@example.com"],
        "BccSuspiciousOutboundMail": true, "BccSuspiciousOutboundAdditionalRecipients": ["watch@example.com", "Second@Example.com"] });
    let (_, body) = wire.ask("Set-HostedOutboundSpamFilterPolicy", notify);
    assert!(body["@adminapi.warnings"][0].as_str().unwrap().contains("postern wiring postfix"), "{body}");
    let default = &run("Get-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Default" }))[0];
    assert_eq!(default["NotifyOutboundSpamRecipients"], json!(["soc@example.com"]));
    let copies = json!(["watch@example.com", "second@example.com"]);
    assert_eq!(default["BccSuspiciousOutboundAdditionalRecipients"], copies);
    assert_eq!(postern.json(&["policy", "show", "Default"])[0]["copy_to"], copies, "one object, in every face");

    let (_, body) =
        wire.ask("Set-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Default", "NotifyOutboundSpam": false }));
    assert!(body["@adminapi.warnings"][0].as_str().unwrap().contains("soc@example.com"), "{body}");

    let alert = json!({ "Name": "Sales restricted", "Category": "ThreatManagement", "ThreatType": "Activity",
        "Operation": "User restricted from sending email", "NotifyUser": ["soc@example.com"], "Severity": "Medium" });
    run("New-ProtectionAlert", alert);
    let built_in = "User restricted from sending email";
    let set = json!({ "Identity": built_in, "NotifyUser": { "add": ["soc@example.com"] }, "NotifyUserThrottleThreshold": "10" });
    run("Set-ProtectionAlert", set);
    let alert = &run("Get-ProtectionAlert", json!({ "Identity": built_in }))[0];
    assert_eq!(alert["NotifyUser"], json!(["TenantAdmins", "soc@example.com"]));
    assert_eq!((&alert["NotifyUserThrottleThreshold"], &alert["IsSystemRule"]), (&json!(10), &json!(true)));
    run("Remove-ProtectionAlert", json!({ "Identity": "Sales restricted" }));

    let granted = run(
        "Add-PosternAllowance",
        json!({ "Identity": "news@example.com", "RecipientLimitPerDay": 20000, "Hours": 24, "Reason": "yearly" }),
    );
    assert_eq!(granted[0]["RecipientLimitPerDay"], 20000);
    let blocked =
        run("Block-PosternSender", json!({ "Identity": "dave@example.com", "Reason": "phished", "Hours": 2 }));
    assert_eq!(blocked[0]["TemporaryBlock"], true);
    let usage = run("Get-PosternUsage", json!({ "Identity": "dave@example.com" }));
    assert!(usage.iter().any(|row| row["Window"] == "per_day" && row["Standing"] == "restricted"), "{usage:?}");
    let reference =
        blocked[0]["Reason"].as_str().unwrap().split("Reference=").nth(1).unwrap().trim_end_matches(';').to_owned();
    let explained = run("Get-PosternExplanation", json!({ "Identity": reference }));
    assert_eq!(
        (&explained[0]["Entity"], &explained[0]["Standing"]),
        (&json!("dave@example.com"), &json!("restricted"))
    );
    assert_eq!(run("Get-PosternExplanation", json!({ "Identity": "news@example.com" }))[0]["Policy"], "Default");
}

#[test]
fn what_exchange_refuses_is_refused() {
    let postern = Postern::start("");
    postern.ok(&["policy", "add", "Execs", "groups=execs"]);
    let wire = Wire::new(&postern, "security-administrator");
    wire.run("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "Spare" }));
    let rule = |name: &str, policy: &str| json!({ "Name": name, "HostedOutboundSpamFilterPolicy": policy, "From": "a@example.com" });
    let rule_of = |name: &str, policy: &str, from: &str| json!({ "Name": name, "HostedOutboundSpamFilterPolicy": policy, "From": from });
    let long = "x".repeat(65);
    for (cmdlet, parameters, status, target, says) in [
        ("Get-Mailbox", json!({}), 400, "Get-Mailbox", "is not recognized as the name of a cmdlet"),
        ("Get-BlockedSenderAddress", json!({ "Sender": "x" }), 400, "Sender", "matches parameter name 'Sender'"),
        ("Get-BlockedSenderAddress", json!({ "SenderAddress": "" }), 400, "SenderAddress", "null or empty"),
        ("Get-ProtectionAlert", json!({ "Identity": null }), 400, "Identity", "null or empty"),
        ("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "R/D" }), 400, "Name", "slash"),
        ("Remove-BlockedSenderAddress", json!({}), 400, "SenderAddress", "missing mandatory parameters"),
        (
            "Get-BlockedSenderAddress",
            json!({ "SenderAddress": "free@example.com" }),
            404,
            "free@example.com",
            "couldn't be found on 'example.com'",
        ),
        (
            "Remove-BlockedSenderAddress",
            json!({ "SenderAddress": "free@example.com" }),
            404,
            "free@example.com",
            "couldn't be found",
        ),
        (
            "Remove-BlockedConnector",
            json!({ "ConnectorId": "159eb7c4-75d7-43e2-95fe-ced44b3e0a56" }),
            404,
            "159eb7c4-75d7-43e2-95fe-ced44b3e0a56",
            "couldn't be found",
        ),
        ("Get-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Nope" }), 404, "Nope", "couldn't be found"),
        ("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "execs" }), 400, "execs", "already exists"),
        (
            "Block-PosternSender",
            json!({ "Identity": "@{entity=a@example.com}", "Reason": "x" }),
            400,
            "Identity",
            "@{entity=a@example.com}",
        ),
        (
            "Add-PosternAllowance",
            json!({ "Identity": "no address", "Reason": "x", "Hours": 1, "RecipientLimitPerDay": 1 }),
            400,
            "Identity",
            "no address",
        ),
        (
            "New-HostedOutboundSpamFilterRule",
            rule_of("R", "Spare", "@{Identity=a}"),
            400,
            "From",
            "nothing before the @",
        ),
        ("New-HostedOutboundSpamFilterPolicy", json!({ "Name": long }), 400, "Name", "maximum length is 64"),
        (
            "Set-HostedOutboundSpamFilterPolicy",
            json!({ "Identity": "Default", "Name": "Other" }),
            400,
            "Name",
            "'Name'",
        ),
        (
            "Set-HostedOutboundSpamFilterPolicy",
            json!({ "Identity": "Default", "RecipientLimitPerDay": 10001 }),
            400,
            "RecipientLimitPerDay",
            "0 to 10000",
        ),
        (
            "Set-HostedOutboundSpamFilterPolicy",
            json!({ "Identity": "Default", "ActionWhenThresholdReached": "Nuke" }),
            400,
            "ActionWhenThresholdReached",
            "valid enumerator name",
        ),
        (
            "Set-HostedOutboundSpamFilterPolicy",
            json!({ "Identity": "Default", "AutoForwardingMode": "Off" }),
            400,
            "AutoForwardingMode",
            "Turn automatic forwarding off in the mail server",
        ),
        ("Remove-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Default" }), 400, "Default", "can't be removed"),
        (
            "New-HostedOutboundSpamFilterRule",
            rule("R", "Default"),
            400,
            "HostedOutboundSpamFilterPolicy",
            "default outbound spam filter policy",
        ),
        (
            "New-HostedOutboundSpamFilterRule",
            rule("R", "Execs"),
            400,
            "HostedOutboundSpamFilterPolicy",
            "already associated with the rule 'Execs'",
        ),
        ("New-HostedOutboundSpamFilterRule", rule("Execs", "Spare"), 400, "Execs", "already exists"),
        ("New-HostedOutboundSpamFilterRule", rule("a/b", "Spare"), 400, "Name", "must not contain '/'"),
        (
            "New-HostedOutboundSpamFilterRule",
            json!({ "Name": "R", "HostedOutboundSpamFilterPolicy": "Spare" }),
            400,
            "From",
            "at least one condition",
        ),
        (
            "Set-HostedOutboundSpamFilterRule",
            json!({ "Identity": "Execs", "Priority": 1 }),
            400,
            "Priority",
            "from 0 to 0",
        ),
        (
            "Set-HostedOutboundSpamFilterRule",
            json!({ "Identity": "Execs", "Enabled": false }),
            400,
            "Enabled",
            "'Enabled'",
        ),
        ("Disable-HostedOutboundSpamFilterRule", json!({ "Identity": "Default" }), 404, "Default", "couldn't be found"),
        (
            "Set-HostedOutboundSpamFilterRule",
            json!({ "Identity": "Execs", "Comments": "x".repeat(1025) }),
            400,
            "Comments",
            "maximum length is 1024",
        ),
        ("Get-ProtectionAlert", json!({ "Identity": "Nope" }), 404, "Nope", "couldn't be found"),
        (
            "Remove-ProtectionAlert",
            json!({ "Identity": "User restricted from sending email" }),
            400,
            "User restricted from sending email",
            "can't be removed",
        ),
    ] {
        let (code, body) = wire.ask(cmdlet, parameters.clone());
        let about = format!("{cmdlet} {parameters}: {code} {body}");
        assert_eq!(code, status, "{about}");
        let error = &body["error"];
        assert!(error["message"].as_str().unwrap().contains(says), "{about}");
        assert_eq!(error["details"][0]["target"], target, "{about}");
        // In the order in which clients look.
        let details = error["details"][0]["message"].as_str().unwrap();
        assert!(details.starts_with('|') && details.ends_with(error["message"].as_str().unwrap()), "{about}");
        assert_eq!(error["innererror"]["internalException"]["message"], error["message"], "{about}");
        assert!(error["innererror"]["internalexception"].is_null(), "{about}");
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

    // What is released while somebody goes from page to page moves nobody out of sight.
    let admin = Wire::new(&postern, "security-administrator");
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
    // What has no keys of its own is counted.
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

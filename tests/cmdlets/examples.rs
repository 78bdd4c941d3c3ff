//! Every example of the documentation.

use serde_json::{Value, json};

use super::wire::{self, Wire};
use crate::harness::postern::Postern;

/// Every example of the documentation, in an order in which each finds what it needs, and what comes of
/// it.
#[test]
fn the_documented_examples_do_what_they_say() {
    let postern = Postern::start("[[connector]]\nname = \"crm\"\nnetworks = [\"192.0.2.7\"]\n");
    let wire = Wire::new(&postern, "organization-management");
    blocked_senders(&postern, &wire);
    policies_and_rules(&postern, &wire);
    one_object_is_policy_and_rule(&postern, &wire);
    names_of_their_own(&wire);
    rules_are_switched_and_removed(&postern, &wire);
    notifications_and_copies(&postern, &wire);
    alert_policies(&wire);
    own_cmdlets(&wire);
}

fn blocked_senders(postern: &Postern, wire: &Wire) {
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
}

fn policies_and_rules(postern: &Postern, wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
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
}

fn one_object_is_policy_and_rule(postern: &Postern, wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
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
}

fn names_of_their_own(wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
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
}

fn rules_are_switched_and_removed(postern: &Postern, wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
    let moved = &run("Get-HostedOutboundSpamFilterRule", json!({ "Identity": "Interns rule" }))[0];
    run("Disable-HostedOutboundSpamFilterRule", json!({ "Identity": moved["Guid"] }));
    assert_eq!(run("Get-HostedOutboundSpamFilterRule", json!({ "State": "Disabled" })).len(), 1);
    run("Enable-HostedOutboundSpamFilterRule", json!({ "Identity": "Interns rule" }));
    run("Remove-HostedOutboundSpamFilterRule", json!({ "Identity": "Interns rule" }));
    assert_eq!(postern.json(&["policy", "show", "Spare"])[0]["enabled"], json!(false));
    run("Remove-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Spare", "Force": { "IsPresent": true } }));
    let (_, body) = wire.ask("Remove-HostedOutboundSpamFilterPolicy", json!({ "Identity": "Contoso Executives" }));
    assert!(body["@adminapi.warnings"][0].as_str().unwrap().contains("Exchange would leave it behind"), "{body}");
}

fn notifications_and_copies(postern: &Postern, wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
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
}

fn alert_policies(wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
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
}

fn own_cmdlets(wire: &Wire) {
    let run = |cmdlet: &str, parameters: Value| wire.run(cmdlet, parameters);
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

//! What Exchange refuses, and with which error.

use serde_json::{Value, json};

use super::wire::Wire;
use crate::harness::postern::Postern;

/// A cmdlet and its parameters; the status, the target and a part of the message of the error that it meets.
type Refusal = (&'static str, Value, u16, &'static str, &'static str);

fn refusals() -> Vec<Refusal> {
    let rule = |name: &str, policy: &str| json!({ "Name": name, "HostedOutboundSpamFilterPolicy": policy, "From": "a@example.com" });
    let rule_of = |name: &str, policy: &str, from: &str| json!({ "Name": name, "HostedOutboundSpamFilterPolicy": policy, "From": from });
    let long = "x".repeat(65);
    vec![
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
    ]
}

#[test]
fn what_exchange_refuses_is_refused() {
    let postern = Postern::start("");
    postern.ok(&["policy", "add", "Execs", "groups=execs"]);
    let wire = Wire::new(&postern, "security-administrator");
    wire.run("New-HostedOutboundSpamFilterPolicy", json!({ "Name": "Spare" }));
    for (cmdlet, parameters, status, target, says) in refusals() {
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

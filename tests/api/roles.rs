//! Which role each route takes.

use serde_json::{Value, json};

use super::token;
use crate::harness::http::{begin, call};
use crate::harness::postern::Postern;

/// What each route takes. A route that is not here is a failure: whoever adds one says who may.
fn takes(route: &str) -> &'static [&'static str] {
    const LOOK: &[&str] = &["organization-management", "security-administrator", "security-reader", "global-reader"];
    const MANAGE: &[&str] = &["organization-management", "security-administrator"];
    const ACCESS: &[&str] = &["organization-management"];
    match route {
        "get /api/v1/restrictions"
        | "get /api/v1/restrictions/{entity}"
        | "get /api/v1/usage/{entity}"
        | "get /api/v1/accounts"
        | "get /api/v1/organizations"
        | "get /api/v1/directory"
        | "get /api/v1/incidents/{reference}"
        | "get /api/v1/policies"
        | "get /api/v1/policies/{name}"
        | "get /api/v1/policy-file"
        | "get /api/v1/accounts/{entity}/policy"
        | "get /api/v1/allowances"
        | "get /api/v1/alerts"
        | "get /api/v1/alerts/{reference}"
        | "get /api/v1/alert-policies"
        | "get /api/v1/alert-policies/{name}"
        | "get /api/v1/audit"
        | "get /api/v1/audit/verify"
        | "get /api/v1/me"
        | "get /api/v1/events"
        // One's own, for those who may not manage access.
        | "get /api/v1/sessions"
        | "delete /api/v1/sessions/{id}"
        // Which cmdlet takes which role is a test of its own.
        | "post /api/v1/cmdlets/{name}"
        | "get /api/v1/status" => LOOK,
        "post /api/v1/restrictions"
        | "post /api/v1/restrictions/{entity}/release"
        | "post /api/v1/restrictions/{entity}/undo-release"
        | "post /api/v1/directory/refresh"
        | "post /api/v1/policies"
        | "post /api/v1/policies/{name}/preview"
        | "patch /api/v1/policies/{name}"
        | "delete /api/v1/policies/{name}"
        | "put /api/v1/policy-file"
        | "patch /api/v1/alerts/{reference}"
        | "post /api/v1/alert-policies"
        | "patch /api/v1/alert-policies/{name}"
        | "delete /api/v1/alert-policies/{name}"
        | "post /api/v1/alert-policies/{name}/test"
        | "post /api/v1/allowances"
        | "post /api/v1/allowances/{entity}/end" => MANAGE,
        "get /api/v1/tokens"
        | "post /api/v1/tokens"
        | "delete /api/v1/tokens/{name}"
        | "post /api/v1/organizations"
        | "patch /api/v1/organizations/{id}"
        | "delete /api/v1/organizations/{id}"
        | "get /api/v1/people"
        | "post /api/v1/people"
        | "patch /api/v1/people/{address}"
        | "delete /api/v1/people/{address}"
        | "post /api/v1/people/{address}/reset" => ACCESS,
        unknown => panic!("say in this table who may use {unknown}"),
    }
}

/// The body of a request for a route that changes something: a valid one, as far as it can be without what it is about.
fn body_of(route: &str) -> Value {
    let body = json!({
        "entity": "alice", "reason": "x", "until": "2099-01-01T00:00:00Z", "per_day": 1, "name": "n", "role": "global-reader", "comment": "c",
        "address": "new@example.com", "trigger": "Release overdue",
        "id": "tenant", "domains": ["tenant.example"], "admins": [],
    });
    let keys: &[&str] = match route {
        "post /api/v1/restrictions" => &["entity", "reason"],
        "post /api/v1/restrictions/{entity}/release" | "post /api/v1/restrictions/{entity}/undo-release" => &["reason"],
        "post /api/v1/allowances" => &["entity", "reason", "until", "per_day"],
        "post /api/v1/tokens" => &["name", "role"],
        "patch /api/v1/alerts/{reference}" => &["comment"],
        "post /api/v1/alert-policies" => &["name", "trigger"],
        "patch /api/v1/alert-policies/{name}" => &["name"],
        "post /api/v1/organizations" => &["id", "domains"],
        "patch /api/v1/organizations/{id}" => &["admins"],
        "post /api/v1/people" => &["address", "role"],
        "patch /api/v1/people/{address}" => &["role"],
        _ => &["per_day"],
    };
    keys.iter().map(|key| ((*key).to_owned(), body[key].clone())).collect()
}

#[test]
fn every_route_is_open_to_those_whose_role_it_takes_and_nobody_else() {
    let postern = Postern::start("");
    let roles = ["organization-management", "security-administrator", "security-reader", "global-reader"];
    let tokens: Vec<_> = roles.iter().map(|role| (*role, token(&postern, role, role))).collect();
    let (status, document) = call(postern.portal_port, "GET", "/api/openapi.json", None, None);
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let mut routes = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item
            .as_object()
            .unwrap()
            .keys()
            .filter(|key| ["get", "post", "put", "patch", "delete"].contains(&key.as_str()))
        {
            let route = format!("{method} {path}");
            let address = path
                .replace("{entity}", "nobody")
                .replace("{name}", "nothing")
                .replace("{reference}", "PR-0000-0000")
                .replace("{address}", "nobody@example.com")
                .replace("{id}", "0");
            let body = (method != "get" && method != "delete").then(|| body_of(&route));
            let ask = |token: Option<&str>| match path.as_str() {
                // It does not end by itself.
                "/api/v1/events" => (begin(postern.portal_port, &address, token).0, Value::Null),
                _ => call(postern.portal_port, &method.to_uppercase(), &address, token, body.as_ref()),
            };
            assert_eq!(ask(None).0, 401, "{route} without a token");
            assert_eq!(ask(Some("postern_wrong")).0, 401, "{route} with a wrong token");
            for (role, token) in &tokens {
                let (status, answer) = ask(Some(token));
                if takes(&route).contains(role) {
                    assert!(![401, 403].contains(&status), "{route} as {role}: {status} {answer}");
                } else {
                    assert_eq!(status, 403, "{route} as {role}: {answer}");
                }
            }
            routes += 1;
        }
    }
    assert!(routes >= 25, "{routes}");
}

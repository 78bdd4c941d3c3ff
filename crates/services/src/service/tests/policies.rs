//! Tests for outbound policies, alert policies and organizations.

use serde_json::json;

use super::*;
use crate::service::Edit;

#[tokio::test]
async fn a_policy_is_added_changed_and_removed_by_those_who_may() {
    let site = Site::new();
    let node = site.node().await;
    let policies = &node.services.policies;
    let sales = json!({ "name": "Sales", "groups": ["Sales"], "per_day": 50 });
    forbidden(policies.add(&reader(), &sales).await);
    policies.add(&admin(), &sales).await.unwrap();
    assert_eq!(invalid(policies.add(&admin(), &sales).await), "name");
    assert_eq!(invalid(policies.change(&admin(), "sales", &json!({ "per_day": -1 }), None).await), "per_day");
    assert_eq!(invalid(policies.change(&admin(), "sales", &json!({ "colour": 1 }), None).await), "colour");
    let changed = policies.change(&admin(), "sales", &json!({ "per_day": 60 }), None).await.unwrap();
    assert_eq!((changed.policy.name.as_str(), changed.policy.per_day), ("Sales", 60));
    // A change based on an older revision is refused.
    let stale = policies.change(&admin(), "Sales", &json!({ "per_day": 70 }), Some(changed.revision - 1)).await;
    assert!(matches!(stale, Err(ServiceError::Changed(_))), "{stale:?}");
    conflict(policies.remove(&admin(), "Default", None).await);
    policies.remove(&admin(), "Sales", None).await.unwrap();
    not_found(policies.remove(&admin(), "Sales", None).await);
    assert_eq!(actions(&site).await, ["policy.remove", "policy.change", "policy.add"]);
}

#[tokio::test]
async fn a_check_and_a_dry_run_change_nothing() {
    let site = Site::new();
    let node = site.node().await;
    let policies = &node.services.policies;
    let patch = json!({ "per_day": 7 });
    policies.check(&admin(), &[Edit::Change("Default", &patch)]).unwrap();
    not_found(policies.check(&admin(), &[Edit::Remove("Sales")]));
    let mut file = json!(policies.export(&reader()).unwrap());
    file["default"]["per_day"] = json!(7);
    let differences = policies.apply(&admin(), &file, true).await.unwrap();
    assert_eq!(differences.iter().map(|one| one.setting.as_str()).collect::<Vec<_>>(), ["per_day"]);
    assert_ne!(policies.get(&reader(), "Default").unwrap().policy.per_day, 7);
    assert!(actions(&site).await.is_empty());
    policies.apply(&admin(), &file, false).await.unwrap();
    assert_eq!(policies.get(&reader(), "Default").unwrap().policy.per_day, 7);
}

#[tokio::test]
async fn each_organization_has_policies_of_its_own() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let policies = &node.services.policies;
    policies.change(&tenant_admin(), "Default", &json!({ "per_day": 9 }), None).await.unwrap();
    let per_day = |caller: &Caller| policies.get(caller, "Default").unwrap().policy.per_day;
    assert_eq!(per_day(&tenant_admin()), 9);
    assert_ne!(per_day(&admin()), 9);
    assert_eq!(policies.explain(&admin(), "ann@contoso.example").unwrap().policy.policy.per_day, 9);
}

#[tokio::test]
async fn a_built_in_alert_policy_keeps_its_name_and_stays() {
    let site = Site::new();
    let node = site.node().await;
    let policies = &node.services.alert_policies;
    let built_in = "User restricted from sending email";
    conflict(policies.remove(&admin(), built_in, None).await);
    conflict(policies.change(&admin(), built_in, &json!({ "name": "Mine" }), None).await);
    assert_eq!(invalid(policies.change(&admin(), built_in, &json!({ "webhooks": ["none"] }), None).await), "webhooks");
    forbidden(policies.change(&reader(), built_in, &json!({ "enabled": false }), None).await);
    assert!(!policies.change(&admin(), built_in, &json!({ "enabled": false }), None).await.unwrap().policy.enabled);
    let own = json!({ "name": "Mine", "trigger": built_in });
    policies.add(&admin(), &own).await.unwrap();
    conflict(policies.add(&admin(), &own).await);
    policies.remove(&admin(), "mine", None).await.unwrap();
    assert_eq!(actions(&site).await, ["alert-policy.remove", "alert-policy.add", "alert-policy.change"]);
}

#[tokio::test]
async fn organizations_are_for_those_who_look_after_all_of_them() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let organizations = &node.services.organizations;
    let rename = OrganizationRequest { name: Some("Contoso Ltd".into()), ..OrganizationRequest::default() };
    forbidden(organizations.change(&tenant_admin(), "contoso", &rename).await);
    forbidden(organizations.remove(&reader(), "contoso").await);
    assert_eq!(organizations.list(&tenant_admin()).unwrap().len(), 1);
    assert_eq!(organizations.list(&admin()).unwrap().len(), 2);
    conflict(organizations.change(&admin(), "default", &rename).await);
    let taken = OrganizationRequest { domains: Some(vec!["example.com".into()]), ..OrganizationRequest::default() };
    assert_eq!(invalid(organizations.add(&admin(), "other", &taken).await), "domains");
    assert_eq!(organizations.change(&admin(), "contoso", &rename).await.unwrap().name, "Contoso Ltd");
    organizations.remove(&admin(), "contoso").await.unwrap();
    not_found(organizations.remove(&admin(), "contoso").await);
}

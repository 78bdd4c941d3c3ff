//! Tests for the audit trail, usage, traffic, accounts and status.

use postern_store::audit::hex;

use super::*;

#[tokio::test]
async fn an_organization_sees_its_part_of_the_trail_and_does_not_check_the_whole() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    restrict(&node, "alice").await;
    restrict(&node, "ann@contoso.example").await;
    let audit = &node.services.audit;
    let seen = audit.list(&tenant_admin(), &AuditFilter::default()).await.unwrap();
    assert_eq!(seen.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [2, 1]);
    assert!(seen.iter().all(|entry| entry.hash.is_none() && entry.previous.is_none()));
    let before = AuditFilter { before: Some(2), ..AuditFilter::default() };
    assert_eq!(audit.list(&tenant_admin(), &before).await.unwrap().len(), 1);
    forbidden(audit.verify(&tenant_admin(), None).await);
    let report = audit.verify(&reader(), None).await.unwrap();
    assert_eq!((report.entries, report.broken_at), (3, None));
    assert!(audit.verify(&reader(), Some(&report.head)).await.unwrap().why.is_none());
    assert!(audit.verify(&reader(), Some(&hex(&[7; 32]))).await.unwrap().why.is_some());
    assert_eq!(invalid(audit.verify(&reader(), Some("zz")).await), "head");
}

#[tokio::test]
async fn accounts_that_are_not_free_are_found_by_whoever_looks_after_them() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    restrict(&node, "alice").await;
    restrict(&node, "ann@contoso.example").await;
    let accounts = &node.services.accounts;
    let names = async |caller: Caller, text: &str| -> Vec<String> {
        accounts.senders(&caller, text, 10).await.unwrap().into_iter().map(|one| one.entity.to_string()).collect()
    };
    assert_eq!(names(admin(), "A").await, ["alice@example.com", "ann@contoso.example"]);
    assert_eq!(names(tenant_admin(), "").await, ["ann@contoso.example"]);
    assert_eq!(accounts.senders(&admin(), "ann", 10).await.unwrap()[0].standing, "restricted");
    forbidden(accounts.sources(&tenant_admin()));
    forbidden(accounts.refresh(&reader()));
}

#[tokio::test]
async fn status_and_traffic_tell_what_there_is() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    restrict(&node, "alice").await;
    forbidden(node.services.status.get(&tenant_admin()).await);
    let status = node.services.status.get(&reader()).await.unwrap();
    assert_eq!((status.restricted, status.on_probation, status.entities), (1, 0, 0));
    assert!(node.services.traffic.busiest(&reader(), 5).await.unwrap().is_empty());
    let day = node.services.traffic.today(&tenant_admin()).await.unwrap();
    assert_eq!((day.hours.len(), day.usual), (13, None), "it is noon");
    let hours = node.services.traffic.hours_of(&reader(), "alice", 48).await.unwrap();
    assert_eq!(hours.len(), 48);
    not_found(node.services.usage.of(&tenant_admin(), "alice@example.com").await);
}

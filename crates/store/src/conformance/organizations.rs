//! Conformance tests for organizations and tokens.

use postern_domain::OrganizationId;
use postern_domain::access::Role;

use super::{at, audit, incident, restriction};
use crate::audit::NewAuditEntry;
use crate::{Incident, OrganizationRecord, Store, StoreError, TokenRecord, VersionedPolicies};
use postern_domain::filter::{AlertFilter, AuditFilter, RestrictionFilter};

pub(super) async fn a_token_is_found_by_its_hash_until_it_is_revoked(store: &impl Store) {
    let token = |name: &str| TokenRecord {
        name: name.into(),
        organization: None,
        role: Role::SecurityReader,
        created_at: at(0),
        created_by: "alice".into(),
        maker: postern_domain::access::TokenMaker::LocalUser,
        expires_at: Some(at(60)),
        last_used_at: None,
    };
    store.add_token(&token("backup"), &[1; 32], &audit("token.add", "backup", 0)).await.unwrap();
    let twice = store.add_token(&token("Backup"), &[2; 32], &audit("token.add", "Backup", 0)).await;
    assert!(matches!(twice, Err(StoreError::TokenExists { .. })), "{twice:?}");
    store.token_used(&[1; 32], at(3)).await.unwrap();
    let found = store.token(&[1; 32]).await.unwrap();
    assert_eq!(found, Some(TokenRecord { last_used_at: Some(at(3)), ..token("backup") }));
    assert_eq!(store.token(&[2; 32]).await.unwrap(), None);
    store.revoke_token(None, "BACKUP", &audit("token.revoke", "backup", 4)).await.unwrap();
    assert_eq!((store.token(&[1; 32]).await.unwrap(), store.tokens().await.unwrap()), (None, vec![]));
    let gone = store.revoke_token(None, "backup", &audit("token.revoke", "backup", 5)).await;
    assert!(matches!(gone, Err(StoreError::NoToken { .. })), "{gone:?}");
    store.add_token(&token("backup"), &[3; 32], &audit("token.add", "backup", 6)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [token("backup")]);
}

fn contoso() -> OrganizationId {
    OrganizationId::parse("contoso").unwrap()
}

/// An entry of the trail of Contoso.
fn entry() -> NewAuditEntry {
    NewAuditEntry { organization: Some(contoso()), ..audit("organization.add", "contoso", 0) }
}

pub(super) async fn organizations_are_kept_apart(store: &impl Store) {
    an_organization_is_added_once_and_saved_as_it_was_seen(store).await;
    incidents_and_entries_belong_to_an_organization(store).await;
    so_do_policies(store).await;
    so_do_tokens(store).await;
    a_removed_organization_leaves_what_happened(store).await;
}

async fn an_organization_is_added_once_and_saved_as_it_was_seen(store: &impl Store) {
    let contoso = contoso();
    let record = OrganizationRecord {
        id: contoso.clone(),
        name: "Contoso".into(),
        domains: vec!["contoso.example".into()],
        admins: vec!["admin@contoso.example".into()],
        helpdesk: Vec::new(),
        time_zone: "Europe/Berlin".into(),
    };
    store.add_organization(&record, &entry()).await.unwrap();
    let twice = store.add_organization(&record, &entry()).await;
    assert!(matches!(twice, Err(StoreError::OrganizationExists { .. })), "{twice:?}");
    let fabrikam = OrganizationRecord { id: OrganizationId::parse("fabrikam").unwrap(), ..record.clone() };
    let unknown = store.save_organization(&fabrikam, &fabrikam, &entry()).await;
    assert!(matches!(unknown, Err(StoreError::NoOrganization { .. })), "{unknown:?}");
    let taken = store.add_organization(&fabrikam, &entry()).await;
    assert!(matches!(&taken, Err(StoreError::DomainTaken { domain }) if domain.as_str() == "contoso.example"));
    let renamed = OrganizationRecord { name: "Contoso Ltd".into(), ..record.clone() };
    store.save_organization(&record, &renamed, &entry()).await.unwrap();
    let stale = store.save_organization(&record, &record, &entry()).await;
    assert!(matches!(stale, Err(StoreError::Changed { .. })), "{stale:?}");
    assert_eq!(store.organizations().await.unwrap(), [renamed]);
}

async fn incidents_and_entries_belong_to_an_organization(store: &impl Store) {
    let contoso = contoso();
    let (ours, theirs) = (restriction("a", 1, 0), restriction("b", 2, 0));
    store.restrict(&ours, &incident(&ours, 0)).await.unwrap();
    store.restrict(&theirs, &Incident { organization: contoso.clone(), ..incident(&theirs, 0) }).await.unwrap();
    let only = Some(contoso.clone());
    let filter = RestrictionFilter { organization: only.clone(), ..RestrictionFilter::default() };
    let found = store.restrictions(&filter).await.unwrap();
    assert_eq!(found.iter().map(|stored| stored.record.restriction()).collect::<Vec<_>>(), [&theirs]);
    let alerts = AlertFilter { organization: only.clone(), ..AlertFilter::default() };
    assert_eq!((store.count_restrictions(&filter).await.unwrap(), store.count_alerts(&alerts).await.unwrap()), (1, 1));
    let entries = AuditFilter { organization: only.clone(), ..AuditFilter::default() };
    // Entries are numbered within their organization, regardless of others.
    store.record(&entry()).await.unwrap();
    let found = store.audit(&entries).await.unwrap();
    let numbers: Vec<_> = found.iter().map(|entry| (entry.seq, entry.organization_seq)).collect();
    assert_eq!(numbers, [(5, Some(3)), (2, Some(2)), (1, Some(1))]);
    assert_eq!(store.seq_of(&contoso, 3).await.unwrap(), Some(5));
    assert_eq!(store.seq_of(&contoso, 4).await.unwrap(), None);
    assert_eq!(store.verify_audit(None).await.unwrap().broken, None);
}

async fn so_do_policies(store: &impl Store) {
    let contoso = contoso();
    let own = VersionedPolicies::default();
    store.save_policies(&contoso, &own, None, &[]).await.unwrap();
    store.save_policies(&OrganizationId::first(), &own, None, &[]).await.unwrap();
    let revisions = async |only| {
        let stored = store.policies(only).await.unwrap();
        stored.into_iter().map(|(id, stored)| (id, stored.revision)).collect::<Vec<_>>()
    };
    assert_eq!(revisions(None).await, [(contoso.clone(), 1), (OrganizationId::first(), 1)]);
    assert_eq!(revisions(Some(&contoso)).await, [(contoso.clone(), 1)]);
}

async fn so_do_tokens(store: &impl Store) {
    // Two organizations can have a token of the same name.
    let token = |organization: Option<OrganizationId>| TokenRecord {
        name: "backup".into(),
        organization,
        role: Role::SecurityReader,
        created_at: at(0),
        created_by: "alice".into(),
        maker: postern_domain::access::TokenMaker::LocalUser,
        expires_at: None,
        last_used_at: None,
    };
    store.add_token(&token(None), &[1; 32], &entry()).await.unwrap();
    store.add_token(&token(Some(contoso())), &[2; 32], &entry()).await.unwrap();
    store.revoke_token(Some(&contoso()), "backup", &entry()).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [token(None)]);
}

async fn a_removed_organization_leaves_what_happened(store: &impl Store) {
    let contoso = contoso();
    store.remove_organization(&contoso, &entry()).await.unwrap();
    assert!(store.organizations().await.unwrap().is_empty());
    assert_eq!(store.policies(None).await.unwrap().len(), 1);
    let filter = RestrictionFilter { organization: Some(contoso.clone()), ..RestrictionFilter::default() };
    assert_eq!(store.count_restrictions(&filter).await.unwrap(), 1, "what happened stays");
    let gone = store.remove_organization(&contoso, &entry()).await;
    assert!(matches!(gone, Err(StoreError::NoOrganization { .. })), "{gone:?}");
}

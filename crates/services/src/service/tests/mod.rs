//! Tests of each service in process, over SQLite: who may do what, what is refused and why, and the state afterwards.

mod access;
mod alerts;
mod attacks;
mod policies;
mod reports;
mod restrictions;

use postern_domain::OrganizationId;
use postern_domain::access::Role;
use postern_domain::filter::AuditFilter;

use super::{Caller, OrganizationRequest, RestrictRequest, ServiceError};
use crate::node::Node;
use crate::node::testing::{Site, admin};

/// A caller that may only look.
fn reader() -> Caller {
    Caller { name: "reader".into(), role: Some(Role::SecurityReader), ..admin() }
}

/// An admin of the organization that [`with_tenant`] adds.
fn tenant_admin() -> Caller {
    Caller { name: "it".into(), organization: Some(OrganizationId::parse("contoso").unwrap()), ..admin() }
}

/// A node with an organization besides the first one.
async fn with_tenant(site: &Site) -> Node {
    let node = site.node().await;
    let domains = Some(vec!["contoso.example".into()]);
    let request = OrganizationRequest { domains, ..OrganizationRequest::default() };
    node.services.organizations.add(&admin(), "contoso", &request).await.unwrap();
    node
}

async fn restrict(node: &Node, who: &str) {
    let request = RestrictRequest { entity: who.into(), reason: "phished".into(), until: None };
    node.services.restrictions.restrict(&admin(), &request).await.unwrap();
}

/// The actions in the audit trail, newest first.
async fn actions(site: &Site) -> Vec<String> {
    site.store().audit(&AuditFilter::default()).await.unwrap().into_iter().map(|entry| entry.action).collect()
}

fn forbidden<T: std::fmt::Debug>(result: Result<T, ServiceError>) {
    assert!(matches!(result, Err(ServiceError::Forbidden { .. })), "{result:?}");
}

fn not_found<T: std::fmt::Debug>(result: Result<T, ServiceError>) {
    assert!(matches!(result, Err(ServiceError::NotFound(_))), "{result:?}");
}

fn conflict<T: std::fmt::Debug>(result: Result<T, ServiceError>) {
    assert!(matches!(result, Err(ServiceError::Conflict(_))), "{result:?}");
}

/// The field that the error names as invalid.
fn invalid<T: std::fmt::Debug>(result: Result<T, ServiceError>) -> String {
    match result {
        Err(ServiceError::Invalid { field, .. }) => field.into_owned(),
        other => panic!("{other:?}"),
    }
}

//! Tests for people and tokens.

use std::time::Duration;

use postern_domain::access::PersonState;

use super::*;
use crate::clock::Clock;
use crate::service::TokenRequest;
use crate::service::access::{InviteRequest, PersonRequest, SignInError, Visitor};

const PASSWORD: &str = "correct horse battery staple";

fn invite(address: &str) -> InviteRequest {
    InviteRequest { address: address.into(), role: Role::SecurityReader }
}

/// The token at the end of an invitation's link.
fn token(link: &str) -> &str {
    link.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn an_invitation_makes_a_person_once() {
    let site = Site::new();
    let node = site.node().await;
    let access = &node.services.access;
    forbidden(access.invite(&reader(), &invite("ann@example.com")).await);
    assert_eq!(invalid(access.invite(&admin(), &invite("ann")).await), "address");
    let link = access.invite(&admin(), &invite("Ann@example.com")).await.unwrap().link;
    let visitor = Visitor::default();
    let weak = access.use_sign_up(token(&link), "", "password", &visitor).await;
    assert_eq!(invalid(weak.map(|entry| entry.person)), "password");
    let entry = access.use_sign_up(token(&link), "", PASSWORD, &visitor).await.unwrap();
    assert_eq!((entry.person.address.as_str(), entry.person.state), ("ann@example.com", PersonState::Active));
    assert!(access.use_sign_up(token(&link), "", PASSWORD, &visitor).await.is_err());
    conflict(access.invite(&admin(), &invite("ann@example.com")).await);
}

#[tokio::test]
async fn a_wrong_password_lets_nobody_in_and_a_disabled_person_not_either() {
    let site = Site::new();
    let node = site.node().await;
    let access = &node.services.access;
    let link = access.invite(&admin(), &invite("ann@example.com")).await.unwrap().link;
    let visitor = Visitor::default();
    access.use_sign_up(token(&link), "", PASSWORD, &visitor).await.unwrap();
    let wrong = access.sign_in_by_password("ann@example.com", "wrong", &visitor).await;
    assert!(matches!(wrong, Err(SignInError::Wrong)), "{:?}", wrong.err());
    let unknown = access.sign_in_by_password("bob@example.com", "wrong", &visitor).await;
    assert!(matches!(unknown, Err(SignInError::Wrong)), "one that does not exist is answered alike");
    assert!(access.sign_in_by_password("ANN@example.com", PASSWORD, &visitor).await.is_ok());
    let disable = PersonRequest { disabled: Some(true), ..PersonRequest::default() };
    access.change_person(&admin(), "ann@example.com", &disable).await.unwrap();
    let disabled = access.sign_in_by_password("ann@example.com", PASSWORD, &visitor).await;
    assert!(matches!(disabled, Err(SignInError::Wrong)));
}

#[tokio::test]
async fn an_organization_has_people_and_tokens_of_its_own() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let (access, tokens) = (&node.services.access, &node.services.tokens);
    assert_eq!(invalid(access.invite(&tenant_admin(), &invite("ann@example.com")).await), "address");
    access.invite(&tenant_admin(), &invite("ann@contoso.example")).await.unwrap();
    access.invite(&admin(), &invite("root@example.com")).await.unwrap();
    assert_eq!(access.people(&tenant_admin()).await.unwrap().len(), 1);
    not_found(access.remove_person(&tenant_admin(), "root@example.com").await);
    let ask = TokenRequest { name: "script".into(), role: Role::SecurityReader, expires_at: None };
    let theirs = tokens.add(&tenant_admin(), &ask).await.unwrap();
    tokens.add(&admin(), &ask).await.unwrap();
    conflict(tokens.add(&admin(), &ask).await);
    let holder = tokens.holder(&theirs.token).await.unwrap().unwrap();
    assert_eq!((holder.organization, holder.role), (tenant_admin().organization, Some(Role::SecurityReader)));
    tokens.revoke(&tenant_admin(), "script").await.unwrap();
    assert!(tokens.holder(&theirs.token).await.unwrap().is_none());
    assert_eq!(tokens.list(&admin()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let site = Site::new();
    let node = site.node().await;
    let tokens = &node.services.tokens;
    let expires_at = Some(site.clock.now().plus(Duration::from_secs(60)));
    let ask = TokenRequest { name: "script".into(), role: Role::SecurityReader, expires_at };
    forbidden(tokens.add(&reader(), &ask).await);
    let past = TokenRequest { expires_at: Some(site.clock.now()), ..ask.clone() };
    assert_eq!(invalid(tokens.add(&admin(), &past).await), "expires_at");
    let made = tokens.add(&admin(), &ask).await.unwrap();
    assert!(tokens.holder(&made.token).await.unwrap().is_some());
    site.clock.advance(Duration::from_secs(60));
    assert!(tokens.holder(&made.token).await.unwrap().is_none());
    assert!(tokens.holder("postern_what").await.unwrap().is_none());
}

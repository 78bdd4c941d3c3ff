//! Conformance tests for people, their factors, invitations and sessions.

use postern_domain::access::{Origin, Person, PersonState, Role, ThrottleRule};

use super::{at, audit};
use crate::people::{CredentialChange, Credentials, Invitation, PasskeyRecord, SessionRecord, TotpRecord};
use crate::sign_in_attempts::AttemptSource;
use crate::{Store, StoreError};

fn person(name: &str, state: PersonState) -> Person {
    Person {
        address: format!("{name}@example.com"),
        organization: None,
        role: Role::SecurityAdministrator,
        state,
        origin: Origin::Local,
        created_at: at(0),
        created_by: "alice".into(),
        last_sign_in_at: None,
    }
}

fn invitation(address: Option<&str>) -> Invitation {
    let address = address.map(str::to_owned);
    Invitation {
        address,
        role: Role::SecurityAdministrator,
        created_at: at(0),
        created_by: "alice".into(),
        expires_at: at(60),
    }
}

fn session(id: &str, person: Option<&str>, seen: u32) -> SessionRecord {
    SessionRecord {
        id: id.into(),
        person: person.map(str::to_owned),
        data: "{}".into(),
        created_at: at(0),
        seen_at: at(seen),
        expires_at: at(60),
    }
}

fn changed<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::Changed { .. })), "{result:?}");
}

pub(super) async fn an_invitation_is_used_once(store: &impl Store) {
    let bob = person("bob", PersonState::Invited);
    let entry = audit("person.invite", "bob", 0);
    store.add_person(&bob, None, &entry).await.unwrap();
    let twice = store.add_person(&bob, None, &entry).await;
    assert!(matches!(twice, Err(StoreError::PersonExists { .. })), "{twice:?}");
    let to_bob = invitation(Some(&bob.address));
    store.invite(&to_bob, &[1; 32], Some(&entry)).await.unwrap();
    store.invite(&to_bob, &[2; 32], Some(&entry)).await.unwrap();
    // A second invitation replaces the first.
    assert_eq!(store.invitation(&[1; 32]).await.unwrap(), None);
    assert_eq!(store.invitation(&[2; 32]).await.unwrap(), Some(to_bob));
    changed(store.accept(&[1; 32], &bob, "phc", &entry).await);
    store.accept(&[2; 32], &bob, "phc", &entry).await.unwrap();
    changed(store.accept(&[2; 32], &bob, "other", &entry).await);
    let (found, credentials) = store.person(&bob.address).await.unwrap().unwrap();
    assert_eq!((found.state, credentials.password.as_deref()), (PersonState::Active, Some("phc")));

    // The first admin's link is of no use once there is somebody.
    store.invite(&invitation(None), &[3; 32], None).await.unwrap();
    changed(store.accept(&[3; 32], &person("root", PersonState::Active), "phc", &entry).await);
    assert_eq!(store.people().await.unwrap().len(), 1);
    store.invite(&invitation(None), &[4; 32], None).await.unwrap();
    store.sweep_access(at(60)).await.unwrap();
    assert_eq!(store.invitation(&[4; 32]).await.unwrap(), None);
}

pub(super) async fn the_first_admin_s_link_ends_with_the_first_person(store: &impl Store) {
    let entry = audit("person.add", "root", 0);
    let root = person("root", PersonState::Active);
    store.invite(&invitation(None), &[1; 32], None).await.unwrap();
    store.accept(&[1; 32], &root, "phc", &entry).await.unwrap();
    store.remove_person(&root.address, &entry).await.unwrap();
    store.invite(&invitation(None), &[2; 32], None).await.unwrap();
    store.add_person(&person("bob", PersonState::Invited), None, &entry).await.unwrap();
    assert_eq!(store.invitation(&[2; 32]).await.unwrap(), None);
    changed(store.accept(&[2; 32], &root, "phc", &entry).await);
}

pub(super) async fn simultaneous_attempts_do_not_all_pass(store: &impl Store) {
    let source = |key: &str| AttemptSource { key: key.into(), rule: ThrottleRule::ACCOUNT };
    let both = [source("account alice"), source("client 192.0.2.1")];
    let mut waits = Vec::new();
    for _ in 0..6 {
        waits.push(store.begin_attempt(&both, at(1)).await.unwrap().as_secs());
    }
    // The sixth is not counted, since it had to wait.
    assert_eq!(waits, [0, 0, 0, 0, 0, 1]);
    assert_eq!(store.begin_attempt(&[source("account bob"), both[1].clone()], at(1)).await.unwrap().as_secs(), 1);
    assert!(store.begin_attempt(&[source("account bob")], at(1)).await.unwrap().is_zero());
    store.withdraw_attempt(&both).await.unwrap();
    assert!(store.begin_attempt(&both, at(1)).await.unwrap().is_zero());
    assert!(!store.begin_attempt(&both, at(1)).await.unwrap().is_zero());
    store.forget_attempts(&both[0]).await.unwrap();
    assert!(store.begin_attempt(&both[..1], at(1)).await.unwrap().is_zero());
    store.sweep_attempts(at(1 + 24 * 60)).await.unwrap();
    for _ in 0..5 {
        assert!(store.begin_attempt(&both, at(1 + 24 * 60)).await.unwrap().is_zero());
    }
}

pub(super) async fn factors_are_kept_and_used_up(store: &impl Store) {
    let bob = person("bob", PersonState::Active);
    store.add_person(&bob, Some("https://op subject"), &audit("person.add", "bob", 0)).await.unwrap();
    let change = async |change: CredentialChange| store.change_credentials(&bob.address, &[change], None, None).await;
    let passkey = |id: u8| PasskeyRecord {
        id: vec![id],
        name: "laptop".into(),
        passkey: "{}".into(),
        created_at: at(0),
        last_used_at: None,
    };
    change(CredentialChange::Password("phc".into())).await.unwrap();
    change(CredentialChange::Totp(Some(TotpRecord { secret: vec![7; 20], step: 10 }))).await.unwrap();
    change(CredentialChange::TotpUsed(11)).await.unwrap();
    changed(change(CredentialChange::TotpUsed(11)).await);
    let sealed = |before: u8, now: u8| CredentialChange::TotpSealed { before: vec![before; 20], now: vec![now; 20] };
    changed(change(sealed(1, 2)).await);
    change(sealed(7, 8)).await.unwrap();
    change(sealed(8, 7)).await.unwrap();
    change(CredentialChange::RecoveryCodes(vec![[1; 32], [2; 32]])).await.unwrap();
    change(CredentialChange::RecoveryCodeUsed([1; 32])).await.unwrap();
    changed(change(CredentialChange::RecoveryCodeUsed([1; 32])).await);
    change(CredentialChange::AddPasskey(passkey(1))).await.unwrap();
    changed(change(CredentialChange::AddPasskey(passkey(1))).await);
    change(CredentialChange::AddPasskey(passkey(2))).await.unwrap();
    let used = CredentialChange::PasskeyUsed { id: vec![1], passkey: "{\"n\":1}".into(), at: at(5) };
    // All changes or none.
    let both = [used.clone(), CredentialChange::TotpUsed(1)];
    changed(store.change_credentials(&bob.address, &both, None, None).await);
    let version = store.person(&bob.address).await.unwrap().unwrap().1.version;
    let signed_in = |version| CredentialChange::SignedIn { at: at(5), version };
    store.change_credentials(&bob.address, &[used, signed_in(version)], None, None).await.unwrap();
    change(CredentialChange::RemovePasskey(vec![2])).await.unwrap();
    changed(change(signed_in(version)).await);
    let challenge = CredentialChange::ChallengeUsed([9; 32], at(60));
    change(challenge.clone()).await.unwrap();
    changed(change(challenge).await);
    changed(change(CredentialChange::RemovePasskey(vec![2])).await);
    let (found, credentials) = store.person(&bob.address).await.unwrap().unwrap();
    let expected = Credentials {
        version: version + 1,
        handle: credentials.handle,
        subject: Some("https://op subject".into()),
        password: Some("phc".into()),
        totp: Some(TotpRecord { secret: vec![7; 20], step: 11 }),
        passkeys: vec![PasskeyRecord { passkey: "{\"n\":1}".into(), last_used_at: Some(at(5)), ..passkey(1) }],
        recovery_codes: vec![[2; 32]],
    };
    assert_eq!((credentials, found.last_sign_in_at), (expected.clone(), Some(at(5))));
    assert_eq!(store.person_of_handle(&expected.handle).await.unwrap(), Some((found.clone(), expected.clone())));
    assert_eq!(store.person_of_subject("https://op subject").await.unwrap(), Some((found, expected)));
    assert_eq!(store.person_of_subject("https://op other").await.unwrap(), None);
    changed(store.change_credentials("nobody@example.com", &[signed_in(0)], None, None).await);
}

pub(super) async fn sessions_end_when_they_are_revoked(store: &impl Store) {
    let bob = person("bob", PersonState::Active);
    store.add_person(&bob, None, &audit("person.add", "bob", 0)).await.unwrap();
    let theirs = Some(bob.address.as_str());
    for (hash, stored) in [
        (1, session("one", theirs, 1)),
        (2, session("two", theirs, 2)),
        (3, session("three", theirs, 3)),
        (4, session("visitor", None, 4)),
    ] {
        store.create_session(&[hash; 32], &stored, 0).await.unwrap();
    }
    let ids = async || store.sessions(at(9)).await.unwrap().into_iter().map(|s| s.id).collect::<Vec<_>>();
    assert_eq!(ids().await, ["three", "two", "one"]);
    store.save_session(&[1; 32], &session("one", theirs, 5)).await.unwrap();
    assert_eq!(store.session(&[1; 32], at(9)).await.unwrap(), Some(session("one", theirs, 5)));
    assert_eq!(store.session(&[1; 32], at(60)).await.unwrap(), None);
    let entry = audit("session.revoke", "one", 6);
    let not_theirs = store.revoke_session("one", Some("mallory@example.com"), &entry).await;
    assert!(matches!(not_theirs, Err(StoreError::NoSession { .. })), "{not_theirs:?}");
    store.revoke_session("one", theirs, &entry).await.unwrap();
    assert_eq!(store.session(&[1; 32], at(9)).await.unwrap(), None);
    // What was begun before does not bring it back.
    store.save_session(&[1; 32], &session("one", theirs, 7)).await.unwrap();
    assert_eq!(store.session(&[1; 32], at(9)).await.unwrap(), None);
    let invited = async || store.invite(&invitation(theirs), &[1; 32], None).await.unwrap();
    invited().await;
    let password = [CredentialChange::Password("phc".into())];
    store.change_credentials(&bob.address, &password, Some("two"), None).await.unwrap();
    assert_eq!(ids().await, ["two"]);
    assert_eq!(store.invitation(&[1; 32]).await.unwrap(), None, "a link from before the change");
    changed(store.create_session(&[5; 32], &session("five", theirs, 7), 0).await);
    store.create_session(&[5; 32], &session("five", theirs, 7), 1).await.unwrap();
    store.change_person(&Person { state: PersonState::Disabled, ..bob.clone() }, &entry).await.unwrap();
    assert!(ids().await.is_empty());
    store.change_person(&bob, &entry).await.unwrap();
    changed(store.create_session(&[6; 32], &session("six", theirs, 7), 1).await);
    store.end_session(&[4; 32]).await.unwrap();
    assert_eq!(store.session(&[4; 32], at(9)).await.unwrap(), None);
    store.remove_person(&bob.address, &entry).await.unwrap();
    let gone = store.remove_person(&bob.address, &entry).await;
    assert!(matches!(gone, Err(StoreError::NoPerson { .. })), "{gone:?}");
    let gone = store.change_person(&bob, &entry).await;
    assert!(matches!(gone, Err(StoreError::NoPerson { .. })), "{gone:?}");
    assert_eq!(
        (store.key("links", &[1; 32]).await.unwrap(), store.key("links", &[2; 32]).await.unwrap()),
        (vec![1; 32], vec![1; 32])
    );
    store.replace_key("links", &[9; 32], &[3; 40]).await.unwrap();
    assert_eq!(store.key("links", &[2; 32]).await.unwrap(), [1; 32], "it was not stored like that");
    store.replace_key("links", &[1; 32], &[3; 40]).await.unwrap();
    assert_eq!(store.key("links", &[2; 32]).await.unwrap(), [3; 40]);
}

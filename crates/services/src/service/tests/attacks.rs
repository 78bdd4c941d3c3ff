//! What somebody who attacks a node tries in process: guessing at once, racing a change, coming back.

use std::sync::Arc;
use std::time::Duration;

use postern_store::people::SessionRecord;

use super::*;
use crate::clock::Clock;
use crate::service::access::{InviteRequest, Passed, PersonRequest, SignInError, SignedIn, Visitor};
use crate::service::{Authority, RestrictionFilter, Services, TokenRequest, Watch};
use crate::sign_in::{secret, totp};

const PASSWORD: &str = "correct horse battery staple";
const ANN: &str = "ann@example.com";

fn from(address: &str) -> Visitor {
    Visitor { address: address.parse().ok(), ..Visitor::default() }
}

/// Ann has signed up; as a caller, and with the cookie that makes her device known.
async fn ann(services: &Services) -> (Caller, String) {
    let ask = InviteRequest { address: ANN.into(), role: Role::SecurityReader };
    let link = services.access.invite(&admin(), &ask).await.unwrap().link;
    let token = link.rsplit('/').next().unwrap();
    let entry = services.access.use_sign_up(token, "", PASSWORD, &Visitor::default()).await.unwrap();
    (Caller { name: ANN.into(), kind: crate::service::CallerKind::Person, ..admin() }, entry.device)
}

async fn in_parallel<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    services: &Arc<Services>,
    count: usize,
    one: impl Fn(Arc<Services>, usize) -> F,
) -> Vec<T> {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..count {
        tasks.spawn(one(Arc::clone(services), number));
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_guesses_do_not_all_pass_and_a_known_device_gets_in() {
    let site = Site::new();
    let node = site.node().await;
    let (_, device) = ann(&node.services).await;
    let guess = |services: Arc<Services>, number: usize| async move {
        services.access.sign_in_by_password(ANN, &format!("guess {number}"), &from("192.0.2.1")).await
    };
    let guessed = in_parallel(&node.services, 400, guess).await;
    let compared = guessed.iter().filter(|one| matches!(one, Err(SignInError::Wrong))).count();
    let waits = guessed.iter().filter(|one| matches!(one, Err(SignInError::Wait(_) | SignInError::Busy))).count();
    assert_eq!((compared, waits), (5, 395), "four are free, and the fifth makes the others wait");
    // The right password from a stranger's device has to wait as well; the owner's own device does not.
    let stranger = node.services.access.sign_in_by_password(ANN, PASSWORD, &from("198.51.100.1")).await;
    assert!(matches!(stranger, Err(SignInError::Wait(_))), "{stranger:?}");
    let owner = Visitor { device: Some(device.clone()), ..from("192.0.2.1") };
    node.services.access.sign_in_by_password(ANN, PASSWORD, &owner).await.unwrap();
    // Neither does a stolen cookie help to guess, nor another account's.
    let stolen = move |services: Arc<Services>, number: usize| {
        let visitor = Visitor { device: Some(device.clone()), ..from("203.0.113.1") };
        async move { services.access.sign_in_by_password(ANN, &format!("guess {number}"), &visitor).await }
    };
    let guessed = in_parallel(&node.services, 100, stolen).await;
    assert_eq!(guessed.iter().filter(|one| matches!(one, Err(SignInError::Wrong))).count(), 5);
    let restarted = site.restarted(node).await;
    let again = restarted.services.access.sign_in_by_password(ANN, PASSWORD, &from("198.51.100.1")).await;
    assert!(matches!(again, Err(SignInError::Wait(_))), "a restart does not forget");
    site.clock.advance(Duration::from_secs(2));
    restarted.services.access.sign_in_by_password(ANN, PASSWORD, &from("198.51.100.1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_codes_do_not_all_pass() {
    let site = Site::new();
    let node = site.node().await;
    let (caller, _) = ann(&node.services).await;
    let shared = totp::new_secret(&*node.services.randomness);
    let seconds = u64::try_from(site.clock.now().as_millis() / 1000).unwrap();
    let code = (0..1_000_000).map(|n| format!("{n:06}")).find(|c| totp::step(&shared, c, seconds).is_some()).unwrap();
    node.services.access.enrol_totp(&caller, &shared, &code, None).await.unwrap();
    let visitor = from("192.0.2.1");
    let passed = node.services.access.sign_in_by_password(ANN, PASSWORD, &visitor).await.unwrap();
    let Passed::WantsCode(version) = passed else { panic!("{passed:?}") };
    let guess = move |services: Arc<Services>, number: usize| async move {
        services.access.sign_in_by_code(ANN, version, &format!("{number:06}"), &from("192.0.2.1")).await
    };
    let guessed = in_parallel(&node.services, 400, guess).await;
    assert_eq!(guessed.iter().filter(|one| matches!(one, Err(SignInError::WrongCode))).count(), 5);
    assert_eq!(guessed.iter().filter(|one| matches!(one, Err(SignInError::Wait(_)))).count(), 395);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_session_can_t_guess_the_password_and_does_not_lock_its_owner_out() {
    let site = Site::new();
    let node = site.node().await;
    let (caller, _) = ann(&node.services).await;
    let guess = move |services: Arc<Services>, number: usize| {
        let caller = caller.clone();
        async move {
            services.access.change_password(&caller, &format!("guess {number}"), "another horse of mine", None).await
        }
    };
    let guessed = in_parallel(&node.services, 100, guess).await;
    let answered =
        guessed.iter().filter(|one| one.as_ref().is_err_and(|e| e.to_string().ends_with("is wrong"))).count();
    assert_eq!(answered, 5);
    node.services.access.sign_in_by_password(ANN, PASSWORD, &from("192.0.2.1")).await.unwrap();
}

#[tokio::test]
async fn strangers_passkeys_don_t_make_others_wait() {
    let site = Site::new();
    let node = site.node().await;
    for _ in 0..40 {
        node.services.access.passkey_owner(&[7; 16], &from("192.0.2.1")).await.unwrap_err();
    }
    let same = node.services.access.passkey_owner(&[7; 16], &from("192.0.2.1")).await;
    assert!(matches!(same, Err(SignInError::Wait(_))), "their own network waits");
    let other = node.services.access.passkey_owner(&[7; 16], &from("198.51.100.1")).await;
    assert!(matches!(other, Err(SignInError::Wrong)), "{other:?}");
}

/// A session as the portal makes it after a sign-in.
async fn session(services: &Services, number: usize, version: u64) -> Result<(), ServiceError> {
    let now = services.clock.now();
    let session = SessionRecord {
        id: format!("s{number}"),
        person: Some(ANN.into()),
        data: "{}".into(),
        created_at: now,
        seen_at: now,
        expires_at: now.plus(Duration::from_secs(3600)),
    };
    services.access.create_session(&secret::hash(&session.id), &session, version).await
}

/// Signs in with `password` while `change` happens, a hundred times, at other moments each time. Returns how often the
/// sign-in came first and its session was made, and how often a session is there in the end.
async fn race<F: Future<Output = ()> + Send>(
    site: &Site,
    services: &Arc<Services>,
    password: impl Fn(usize) -> String,
    change: impl Fn(Arc<Services>, usize) -> F,
) -> (usize, usize) {
    let (mut made, mut left) = (0, 0);
    for round in 0..100 {
        // Sign-ins that lost the race before make this one wait no more.
        site.clock.advance(Duration::from_secs(3600));
        let (there, password) = (Arc::clone(services), password(round));
        // Sometimes the one begins first, sometimes the other.
        let later = Duration::from_micros(round as u64 * 600);
        let (sign_in_waits, change_waits) =
            if round % 2 == 0 { (later, Duration::ZERO) } else { (Duration::ZERO, later) };
        let sign_in = tokio::spawn(async move {
            tokio::time::sleep(sign_in_waits).await;
            let passed = there.access.sign_in_by_password(ANN, &password, &Visitor::default()).await;
            let Ok(Passed::Entered(entry)) = passed else { return false };
            session(&there, round, entry.version).await.is_ok()
        });
        tokio::time::sleep(change_waits).await;
        change(Arc::clone(services), round).await;
        made += usize::from(sign_in.await.unwrap());
        let sessions = services.access.sessions(&admin()).await.unwrap();
        left += sessions.len();
        for session in sessions {
            services.access.revoke_session(&admin(), &session.id).await.unwrap();
        }
    }
    (made, left)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_with_the_old_password_is_not_in_after_the_change() {
    let site = Site::new();
    let node = site.node().await;
    let (caller, _) = ann(&node.services).await;
    let password = |round: usize| if round == 0 { PASSWORD.into() } else { format!("horse number {round} of mine") };
    let change = |services: Arc<Services>, round: usize| {
        let caller = caller.clone();
        async move {
            let (old, new) = (password(round), password(round + 1));
            services.access.change_password(&caller, &old, &new, None).await.unwrap();
        }
    };
    let (_, left) = race(&site, &node.services, password, change).await;
    assert_eq!(left, 0);
    site.clock.advance(Duration::from_secs(3600));
    node.services.access.sign_in_by_password(ANN, &password(100), &Visitor::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_began_before_somebody_was_disabled_is_not_in_after_they_are_enabled_again() {
    let site = Site::new();
    let node = site.node().await;
    ann(&node.services).await;
    let change = |services: Arc<Services>, _| async move {
        for disabled in [true, false] {
            let ask = PersonRequest { disabled: Some(disabled), ..PersonRequest::default() };
            services.access.change_person(&admin(), ANN, &ask).await.unwrap();
            // What failed meanwhile does not count here.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let (made, left) = race(&site, &node.services, |_| PASSWORD.into(), change).await;
    // One that began only after she was enabled again is in, as it should be.
    assert!(left <= made, "{left} sessions, {made} made");
    let version = node.shared.store.person(ANN).await.unwrap().unwrap().1.version;
    assert!(session(&node.services, 1000, version - 1).await.is_err());
    session(&node.services, 1001, version).await.unwrap();
}

#[tokio::test]
async fn what_was_begun_with_former_factors_ends() {
    let site = Site::new();
    let node = site.node().await;
    let (caller, _) = ann(&node.services).await;
    let access = &node.services.access;
    let version = async || node.shared.store.person(ANN).await.unwrap().unwrap().1.version;
    let ids = async || access.sessions(&admin()).await.unwrap().into_iter().map(|s| s.id).collect::<Vec<_>>();
    let shared = totp::new_secret(&*node.services.randomness);
    let code = (0..1_000_000).map(|n| format!("{n:06}"));
    let seconds = u64::try_from(site.clock.now().as_millis() / 1000).unwrap();
    let code = code.into_iter().find(|code| totp::step(&shared, code, seconds).is_some()).unwrap();
    for (number, change) in ["password", "app", "codes", "remove"].into_iter().enumerate() {
        let (own, other) = (number * 2, number * 2 + 1);
        session(&node.services, own, version().await).await.unwrap();
        session(&node.services, other, version().await).await.unwrap();
        let reset = access.reset_person(&admin(), ANN).await.unwrap().link;
        let this = format!("s{own}");
        match change {
            "password" => {
                access.change_password(&caller, PASSWORD, "another horse of mine", Some(&this)).await.unwrap()
            }
            "app" => drop(access.enrol_totp(&caller, &shared, &code, Some(&this)).await.unwrap()),
            "codes" => drop(access.new_recovery_codes(&caller, Some(&this)).await.unwrap()),
            _ => access.remove_totp(&caller, Some(&this)).await.unwrap(),
        }
        assert_eq!(ids().await, [this.as_str()], "{change}");
        not_found(access.sign_up(reset.rsplit('/').next().unwrap()).await);
        access.revoke_session(&admin(), &this).await.unwrap();
    }
}

#[tokio::test]
async fn the_first_admin_s_link_ends_with_the_first_person() {
    let site = Site::new();
    let node = site.node().await;
    let access = &node.services.access;
    let link = access.first_admin_link().await.unwrap().unwrap().link;
    let token = link.rsplit('/').next().unwrap();
    access.sign_up(token).await.unwrap();
    ann(&node.services).await;
    not_found(access.sign_up(token).await);
    not_found(access.use_sign_up(token, "eve@example.com", PASSWORD, &Visitor::default()).await);
    assert!(access.first_admin_link().await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_does_no_more_than_its_maker_may_and_ends_with_them() {
    let site = Site::new();
    let node = site.node().await;
    let (caller, _) = ann(&node.services).await;
    let (access, tokens) = (&node.services.access, &node.services.tokens);
    let role = |role| PersonRequest { role: Some(role), ..PersonRequest::default() };
    access.change_person(&admin(), ANN, &role(Role::OrganizationManagement)).await.unwrap();
    let ask = |name: &str, hours: Option<u64>| TokenRequest {
        name: name.into(),
        role: Role::OrganizationManagement,
        expires_at: hours.map(|hours| site.clock.now().plus(Duration::from_secs(hours * 3600))),
    };
    let first = tokens.add(&caller, &ask("first", Some(2))).await.unwrap();
    let holder = tokens.holder(&first.token).await.unwrap().unwrap();
    assert_eq!(invalid(tokens.add(&holder, &ask("too long", Some(3))).await), "expires_at");
    let second = tokens.add(&holder, &ask("second", None)).await.unwrap();
    assert_eq!(second.record.expires_at, first.record.expires_at, "no end of its own");
    let roles = async || {
        let first = tokens.holder(&first.token).await.unwrap().map(|holder| holder.role.unwrap());
        (first, tokens.holder(&second.token).await.unwrap().map(|holder| holder.role.unwrap()))
    };
    let both = |role| (Some(role), Some(role));
    assert_eq!(roles().await, both(Role::OrganizationManagement));
    access.change_person(&admin(), ANN, &role(Role::SecurityReader)).await.unwrap();
    assert_eq!(roles().await, both(Role::SecurityReader));
    let disabled = |is| PersonRequest { disabled: Some(is), ..PersonRequest::default() };
    access.change_person(&admin(), ANN, &disabled(true)).await.unwrap();
    assert_eq!(roles().await, (None, None));
    access.change_person(&admin(), ANN, &disabled(false)).await.unwrap();
    assert_eq!(roles().await, both(Role::SecurityReader));
    access.remove_person(&admin(), ANN).await.unwrap();
    ann(&node.services).await;
    assert_eq!(roles().await, (None, None), "somebody of the same address is somebody else");
    // The honest use: what an admin of the machine made goes on.
    let local = tokens.add(&admin(), &ask("local", None)).await.unwrap();
    assert_eq!(tokens.holder(&local.token).await.unwrap().unwrap().role, Some(Role::OrganizationManagement));
}

#[tokio::test]
async fn a_token_made_with_a_token_ends_with_it_and_the_chain_has_an_end() {
    let site = Site::new();
    let node = site.node().await;
    let tokens = &node.services.tokens;
    let ask = |name: String| TokenRequest { name, role: Role::OrganizationManagement, expires_at: None };
    let mut made = vec![tokens.add(&admin(), &ask("0".into())).await.unwrap().token];
    loop {
        let holder = tokens.holder(made.last().unwrap()).await.unwrap().unwrap();
        match tokens.add(&holder, &ask(made.len().to_string())).await {
            Ok(new) => made.push(new.token),
            refused => break conflict(refused),
        }
        assert!(made.len() < 20, "no end");
    }
    assert_eq!(made.len(), 8);
    tokens.revoke(&admin(), "3").await.unwrap();
    let mut valid = Vec::new();
    for token in &made {
        valid.push(tokens.holder(token).await.unwrap().is_some());
    }
    assert_eq!(valid, [true, true, true, false, false, false, false, false]);
}

#[tokio::test]
async fn a_stream_ends_with_what_it_rests_on_and_there_are_few_at_once() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let services = &node.services;
    let ask = TokenRequest { name: "watcher".into(), role: Role::SecurityReader, expires_at: None };
    let made = services.tokens.add(&tenant_admin(), &ask).await.unwrap();
    let holder = services.tokens.holder(&made.token).await.unwrap().unwrap();
    let authority = || Authority::Token(secret::hash(&made.token));
    let mut open = Vec::new();
    for _ in 0..6 {
        open.push(Watch::begin(services, authority(), &holder, None).await.unwrap());
    }
    let seventh = Watch::begin(services, authority(), &holder, None).await;
    assert!(matches!(seventh, Err(ServiceError::Busy(_))));
    open.truncate(1);
    let mut watch = Watch::begin(services, authority(), &holder, None).await.unwrap();
    restrict(&node, "a@contoso.example").await;
    assert_eq!(watch.next().await.unwrap().kind, "restriction.made");
    services.tokens.revoke(&tenant_admin(), "watcher").await.unwrap();
    restrict(&node, "b@contoso.example").await;
    assert_eq!(watch.next().await, None, "its token was revoked");
    // A person's, when their session is ended; an organization's, when it is removed.
    ann(services).await;
    let version = node.shared.store.person(ANN).await.unwrap().unwrap().1.version;
    session(services, 1, version).await.unwrap();
    let signed_in = SignedIn {
        person: ANN.into(),
        method: postern_domain::access::Method::Password,
        at: services.clock.now(),
        version,
        visitor: Visitor::default(),
    };
    let authority = || Authority::Session(secret::hash("s1"), Box::new(signed_in.clone()));
    let (person, _) = services.access.session_holder(&signed_in).await.unwrap().unwrap();
    let mut everything = Watch::begin(services, authority(), &person, None).await.unwrap();
    let of_contoso = Caller { organization: tenant_admin().organization, ..person.clone() };
    let mut narrowed = Watch::begin(services, authority(), &of_contoso, None).await.unwrap();
    services.organizations.remove(&admin(), "contoso").await.unwrap();
    assert_eq!(everything.next().await.unwrap().kind, "organizations.changed");
    restrict(&node, "c@example.com").await;
    assert_eq!(everything.next().await.unwrap().kind, "restriction.made");
    for watch in [&mut narrowed, &mut everything] {
        watch.asks_every = Duration::from_millis(10);
    }
    assert_eq!(narrowed.next().await, None);
    services.access.revoke_session(&admin(), "s1").await.unwrap();
    assert_eq!(everything.next().await, None, "nothing has happened, but a minute has passed");
}

#[tokio::test]
async fn a_tenant_can_t_have_postern_mail_strangers() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let (policies, alerts) = (&node.services.policies, &node.services.alert_policies);
    let outside = serde_json::json!(["victim@elsewhere.example"]);
    let own = serde_json::json!(["soc@contoso.example", "TenantAdmins"]);
    let many: Vec<_> = (0..21).map(|n| format!("u{n}@contoso.example")).collect();
    for wrong in [&outside, &serde_json::json!(many)] {
        for key in ["notify", "copy_to"] {
            let patch = serde_json::json!({ key: wrong });
            assert_eq!(invalid(policies.change(&tenant_admin(), "Default", &patch, None).await), key);
        }
        let body = serde_json::json!({ "name": "p", "trigger": "Email sending limit exceeded", "recipients": wrong });
        assert_eq!(invalid(alerts.add(&tenant_admin(), &body).await), "recipients");
    }
    policies.change(&tenant_admin(), "Default", &serde_json::json!({ "notify": own }), None).await.unwrap();
    let body = serde_json::json!({ "name": "p", "trigger": "Email sending limit exceeded", "recipients": own });
    alerts.add(&tenant_admin(), &body).await.unwrap();
    // The provider may mail whom it wants.
    policies.change(&admin(), "Default", &serde_json::json!({ "notify": outside }), None).await.unwrap();
    // What was stored before is not mailed either: nobody outside of Contoso is in the outbox.
    restrict(&node, "a@contoso.example").await;
    let database = rusqlite::Connection::open(site.database()).unwrap();
    let foreign: i64 = database
        .query_row("SELECT count(*) FROM outbox WHERE recipient NOT LIKE '%@contoso.example'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(foreign, 0);
    // Tests have an end, for one organization and not for its neighbour.
    let mut refused = 0;
    for _ in 0..15 {
        refused += usize::from(matches!(alerts.test(&tenant_admin(), "p").await, Err(ServiceError::Busy(_))));
    }
    assert_eq!(refused, 4);
    let name = alerts.list(&admin()).unwrap()[0].policy.name.clone();
    alerts.test(&admin(), &name).await.unwrap();
}

#[tokio::test]
async fn who_gets_a_domain_gets_neither_its_people_nor_its_history() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let services = &node.services;
    let domains = |names: &[&str]| OrganizationRequest {
        domains: Some(names.iter().map(ToString::to_string).collect()),
        ..OrganizationRequest::default()
    };
    services.organizations.change(&admin(), "contoso", &domains(&["contoso.example", "shop.example"])).await.unwrap();
    services.organizations.add(&admin(), "fabrikam", &domains(&["fabrikam.example"])).await.unwrap();
    let fabrikam = Caller { organization: Some(OrganizationId::parse("fabrikam").unwrap()), ..tenant_admin() };
    let ask = |address: &str| InviteRequest { address: address.into(), role: Role::OrganizationManagement };
    for address in ["eve@shop.example", "it@contoso.example"] {
        services.access.invite(&tenant_admin(), &ask(address)).await.unwrap();
    }
    let eve = Caller { name: "eve@shop.example".into(), kind: crate::service::CallerKind::Person, ..tenant_admin() };
    let token = TokenRequest { name: "eve's".into(), role: Role::SecurityReader, expires_at: None };
    let token = services.tokens.add(&eve, &token).await.unwrap().token;
    restrict(&node, "sales@shop.example").await;
    // The domain changes hands.
    services.organizations.change(&admin(), "contoso", &domains(&["contoso.example"])).await.unwrap();
    services.organizations.change(&admin(), "fabrikam", &domains(&["fabrikam.example", "shop.example"])).await.unwrap();
    let people = services.access.people(&admin()).await.unwrap();
    assert_eq!(people.iter().map(|person| person.address.as_str()).collect::<Vec<_>>(), ["it@contoso.example"]);
    assert!(services.tokens.holder(&token).await.unwrap().is_none());
    services.access.invite(&fabrikam, &ask("eve@shop.example")).await.unwrap();
    services.access.remove_person(&fabrikam, "eve@shop.example").await.unwrap();
    let theirs = services.restrictions.list(&fabrikam, &RestrictionFilter::default()).await.unwrap();
    assert!(theirs.is_empty(), "{theirs:?}");
}

#[tokio::test]
async fn the_single_sign_on_provider_is_asked_again_whether_somebody_may_still_be_in() {
    let site = Site::new();
    let node = site.node().await;
    ann(&node.services).await;
    let mut settings = node.shared.settings.load().settings().clone();
    settings.sign_in.session = Duration::from_secs(12 * 3600);
    settings.single_sign_on = Some(crate::settings::SingleSignOn {
        name: "login".into(),
        issuer: "https://login.example.com".into(),
        client_id: "postern".into(),
        client_secret: "secret".into(),
        groups_claim: "groups".into(),
        scopes: Vec::new(),
        recheck: Duration::from_secs(3600),
        roles: Vec::new(),
    });
    node.shared.settings.replace_settings(settings.clone());
    let by =
        |method| SignedIn { person: ANN.into(), method, at: site.clock.now(), version: 1, visitor: Visitor::default() };
    use postern_domain::access::Method;
    let (provider, password) = (by(Method::SingleSignOn), by(Method::Password));
    let is_in = async |signed_in: &SignedIn| node.services.access.session_holder(signed_in).await.unwrap().is_some();
    site.clock.advance(Duration::from_secs(3599));
    assert!(is_in(&provider).await && is_in(&password).await);
    site.clock.advance(Duration::from_secs(1));
    assert!(!is_in(&provider).await && is_in(&password).await);
    // Without the provider, nobody vouches for them.
    node.shared.settings.replace_settings(crate::settings::Settings { single_sign_on: None, ..settings });
    assert!(!is_in(&by(Method::SingleSignOn)).await);
}

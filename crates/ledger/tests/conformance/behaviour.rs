//! Single scenarios.

use std::sync::Arc;
use std::time::Duration;

use postern_domain::evidence::{MAX_ATTEMPTS, Outcome};
use postern_domain::policy::Limits;
use postern_domain::window::{Charge, Window};
use postern_ledger::{Accepted, Claim, Committed, Ledger, MessageId, NodeId, Profile, Reserved};

use super::{LEASE, Site, account, external, record};

fn limits(external_per_hour: u32) -> Limits {
    Limits { external_per_hour, ..Limits::DEFAULT }
}

async fn count(site: &Site<impl Ledger>, name: &str, window: Window) -> u32 {
    site.ledger.usage(&account(name)).await.unwrap().count(window, site.clock.now())
}

async fn reserved(site: &Site<impl Ledger>, name: &str) -> Charge {
    site.ledger.usage(&account(name)).await.unwrap().reserved()
}

pub(super) async fn a_claim_names_the_whole_and_may_be_repeated(site: Site<impl Ledger>) {
    let limits = limits(3);
    for needs in [1, 2, 2, 1, 3] {
        assert_eq!(site.reserve("a", "1", external(needs), &limits).await, Reserved::Fits(None));
    }
    assert_eq!(reserved(&site, "a").await, external(3));
    assert!(
        matches!(site.reserve("a", "1", external(4), &limits).await, Reserved::Exceeds(excess) if excess.count == 4)
    );
    assert_eq!(reserved(&site, "a").await, external(3));
    // Another account's message of the same key is another message.
    assert_eq!(site.reserve("b", "1", external(1), &limits).await, Reserved::Fits(None));
    site.cancel("a", "1").await;
    site.cancel("a", "1").await;
    site.cancel("a", "never").await;
    assert_eq!((reserved(&site, "a").await, reserved(&site, "b").await), (Charge::NONE, external(1)));
}

pub(super) async fn a_message_is_counted_once(site: Site<impl Ledger>) {
    let limits = limits(9);
    site.reserve("a", "1", external(3), &limits).await;
    let Committed::Counted(counts) = site.commit("a", "1", external(2)).await else { panic!("counted already") };
    assert!(counts.contains(&(Window::ExternalPerHour, 2)), "{counts:?}");
    assert_eq!(reserved(&site, "a").await, Charge::NONE);
    assert_eq!(site.commit("a", "1", external(2)).await, Committed::CountedAlready);
    assert_eq!(site.reserve("a", "1", external(5), &limits).await, Reserved::CountedAlready);
    assert_eq!(count(&site, "a", Window::ExternalPerHour).await, 2);
    // Without a reservation, too.
    site.commit("a", "2", external(1)).await;
    assert_eq!(count(&site, "a", Window::ExternalPerHour).await, 3);
    // Repeats come soon; afterwards the key may stand for another message.
    site.clock.advance(Duration::from_secs(600));
    for other in 0..3000 {
        site.commit(&format!("other{other}"), "1", external(1)).await;
    }
    assert!(matches!(site.commit("a", "1", external(1)).await, Committed::Counted(_)));
}

pub(super) async fn a_reservation_ends_with_its_lease(site: Site<impl Ledger>) {
    let limits = limits(2);
    site.reserve("a", "1", external(2), &limits).await;
    site.clock.advance(LEASE - Duration::from_secs(1));
    assert_eq!(site.reserve("a", "2", external(1), &limits).await, Reserved::Contended(Window::ExternalPerHour));
    // Renewed by a repeated claim.
    site.reserve("a", "1", external(2), &limits).await;
    site.clock.advance(LEASE - Duration::from_secs(1));
    assert_eq!(site.reserve("a", "2", external(1), &limits).await, Reserved::Contended(Window::ExternalPerHour));
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(site.reserve("a", "2", external(1), &limits).await, Reserved::Fits(None));
    assert_eq!(reserved(&site, "a").await, external(1));
    // The message may still be accepted.
    assert!(matches!(site.commit("a", "1", external(1)).await, Committed::Counted(_)));
}

pub(super) async fn whoever_waits_is_woken_by_what_ends(site: Site<impl Ledger>) {
    let (limits, a) = (limits(1), account("a"));
    site.reserve("a", "1", external(1), &limits).await;
    let freed = site.ledger.freed(&a);
    // It ends before anybody waits for it.
    site.cancel("a", "1").await;
    tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
    site.reserve("a", "2", external(1), &limits).await;
    let freed = site.ledger.freed(&a);
    site.commit("a", "2", external(1)).await;
    tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
    let freed = site.ledger.freed(&a);
    assert!(tokio::time::timeout(Duration::from_millis(50), freed).await.is_err(), "nothing has ended");
}

pub(super) async fn a_node_that_starts_anew_leaves_no_reservation_behind(site: Site<impl Ledger>) {
    let (limits, a) = (limits(2), account("a"));
    site.reserve("a", "1", external(1), &limits).await;
    let (message, owner) = (MessageId::of(&a, "2", 0), NodeId::of("mx2"));
    let (needs, reserved_is_certain) = (external(1), false);
    let claim = Claim { entity: &a, message, owner, needs, limits: &limits, reserved_is_certain, lease: LEASE };
    assert_eq!(site.ledger.reserve(claim).await.unwrap(), Reserved::Fits(None));
    let freed = site.ledger.freed(&a);
    site.ledger.cancel_all_of(owner).await.unwrap();
    tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
    assert_eq!(reserved(&site, "a").await, external(1), "the other node's stays");
}

pub(super) async fn what_does_not_fit_changes_nothing(site: Site<impl Ledger>) {
    let limits = limits(3);
    site.commit("a", "0", external(1)).await;
    site.reserve("a", "1", external(2), &limits).await;
    assert_eq!(site.reserve("a", "2", external(1), &limits).await, Reserved::Contended(Window::ExternalPerHour));
    assert!(
        matches!(site.reserve("a", "2", external(3), &limits).await, Reserved::Exceeds(excess) if excess.count == 4)
    );
    assert_eq!(reserved(&site, "a").await, external(2));
    let lane = Charge { lane: 1, ..Charge::NONE };
    assert_eq!(site.reserve("a", "2", lane, &limits).await, Reserved::Fits(None));
}

pub(super) async fn unknown_recipients_stop_everything_but_the_escape_lane(site: Site<impl Ledger>) {
    let limits = Limits { unknown_recipients_per_hour: 2, ..Limits::DEFAULT };
    site.ledger.note(&account("a"), Charge { unknown: 2, ..Charge::NONE }).await.unwrap();
    assert_eq!(site.reserve("a", "1", external(1), &limits).await, Reserved::Fits(None));
    site.ledger.note(&account("a"), Charge { unknown: 1, ..Charge::NONE }).await.unwrap();
    let refused = site.reserve("a", "2", external(1), &limits).await;
    assert!(matches!(refused, Reserved::Exceeds(excess) if excess.window == Window::UnknownRecipientsPerHour));
    let lane = Charge { lane: 1, ..Charge::NONE };
    assert_eq!(site.reserve("a", "3", lane, &limits).await, Reserved::Fits(None));
    assert_eq!(count(&site, "a", Window::MessagesPerDay).await, 0, "no message was counted");
}

pub(super) async fn the_last_attempts_are_there_from_the_first_message_on(site: Site<impl Ledger>) {
    let recent = async || site.ledger.recent(&account("a")).await.unwrap().records();
    assert!(recent().await.is_empty());
    site.commit("a", "1", external(1)).await;
    assert_eq!(recent().await, [record(site.clock.now(), 1)]);
    let refused = postern_domain::evidence::AttemptRecord {
        outcome: Outcome::Refused,
        client_address: Some("2001:db8::1".parse().unwrap()),
        ..record(site.clock.now(), 2)
    };
    site.ledger.refused(&account("a"), (&refused).into()).await.unwrap();
    assert_eq!(recent().await.last(), Some(&refused));
    for number in 0..50 {
        site.clock.advance(Duration::from_secs(1));
        site.commit("a", &format!("m{number}"), external(1)).await;
    }
    let last = recent().await;
    assert_eq!((last.len(), last.last().unwrap().at), (MAX_ATTEMPTS, site.clock.now()));
    assert!(last.windows(2).all(|pair| pair[0].at < pair[1].at));
}

pub(super) async fn windows_are_emptied(site: Site<impl Ledger>) {
    site.commit("a", "1", external(3)).await;
    site.ledger.reset(&account("a"), &[Window::ExternalPerHour]).await.unwrap();
    site.ledger.reset(&account("nobody"), &[Window::ExternalPerHour]).await.unwrap();
    assert_eq!(count(&site, "a", Window::ExternalPerHour).await, 0);
    assert_eq!(count(&site, "a", Window::PerDay).await, 3);
}

pub(super) async fn a_profile_comes_back_with_the_next_claim(site: Site<impl Ledger>) {
    let profile = Profile::new(vec![7; Profile::MAX]).unwrap();
    assert!(Profile::new(vec![7; Profile::MAX + 1]).is_none());
    let entity = account("a");
    let attempt = record(site.clock.now(), 1);
    let accepted = |key: &str, profile: Option<Profile>| Accepted {
        entity: &entity,
        message: MessageId::of(&entity, key, 0),
        charge: external(1),
        record: (&attempt).into(),
        profile,
    };
    site.ledger.commit(accepted("1", Some(profile.clone()))).await.unwrap();
    site.ledger.commit(accepted("2", None)).await.unwrap();
    assert_eq!(site.reserve("a", "3", external(1), &limits(9)).await, Reserved::Fits(Some(profile)));
    assert_eq!(site.reserve("b", "3", external(1), &limits(9)).await, Reserved::Fits(None));
}

pub(super) async fn many_at_once_do_not_overshoot(site: Site<impl Ledger>) {
    let site = Arc::new(site);
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..16 {
        let site = Arc::clone(&site);
        tasks.spawn(async move {
            let limits = limits(500);
            for number in 0..100 {
                let key = format!("{sender}.{number}");
                if site.reserve("a", &key, external(1), &limits).await == Reserved::Fits(None) {
                    tokio::task::yield_now().await;
                    site.commit("a", &key, external(1)).await;
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(count(&site, "a", Window::ExternalPerHour).await, 500);
}

pub(super) async fn the_busiest_are_found_in_each_window(site: Site<impl Ledger>) {
    for number in 1..=300 {
        site.commit(&format!("u{number}"), "1", external(number)).await;
    }
    site.commit("inside", "1", Charge { internal: 1000, ..Charge::NONE }.as_message()).await;
    let names = async |windows: &[Window], but: &'static str| -> Vec<String> {
        let found = site.ledger.busiest(windows, 2, move |entity| !entity.name().starts_with(but)).await.unwrap();
        found.iter().map(|entity| entity.name().replace("@example.com", "")).collect()
    };
    assert_eq!(names(&[Window::ExternalPerHour], "nobody").await, ["u300", "u299"]);
    assert_eq!(names(&[Window::ExternalPerHour, Window::PerDay], "nobody").await, ["u300", "u299", "inside"]);
    assert_eq!(names(&[Window::PerDay], "inside").await, ["u300", "u299"]);
    let first = site.ledger.entities(2, |entity| entity.name().starts_with("u29")).await.unwrap();
    assert_eq!(first, [account("u290"), account("u291")]);
    assert_eq!(site.ledger.entity_count().await.unwrap(), 301);
}

use super::*;
use crate::conformance;
use crate::{Restrictions, Trail};
use postern_domain::filter::RestrictionFilter;

fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("postern.db");
    (folder, path)
}

#[tokio::test]
async fn passes_the_conformance_suite() {
    let folder = tempfile::tempdir().unwrap();
    let number = std::sync::atomic::AtomicU32::new(0);
    let fresh = async || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        SqliteStore::open(&folder.path().join(format!("{number}.db"))).unwrap()
    };
    conformance::suite(fresh).await;
}

#[test]
fn the_schema_is_valid() {
    assert!(Migrations::from_slice(SCHEMA).validate().is_ok());
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let (_folder, path) = file();
    let made = conformance::restriction("a", 1, 0);
    let store = SqliteStore::open(&path).unwrap();
    store.restrict(&made, &conformance::incident(&made, 0)).await.unwrap();
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.restrictions(&RestrictionFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_database_from_a_newer_version_is_refused_and_left_alone() {
    let (_folder, path) = file();
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("newer version of Postern (schema 99, this version knows 15)"), "{error}");
    let version: i64 =
        Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (_folder, path) = file();
    std::fs::write(&path, "Dear diary, today nothing happened, and it was fine. ".repeat(40)).unwrap();
    let error = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(error.contains("postern.db") && error.contains("not a database"), "{error}");
}

#[tokio::test]
async fn changes_to_the_audit_trail_are_found() {
    for (change, seq, why) in [
        ("UPDATE audit SET actor = 'mallory' WHERE seq = 3", 3, "changed after it was written"),
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", 2, "changed after it was written"),
        ("DELETE FROM audit WHERE seq = 3", 4, "entry 3 is missing"),
        ("UPDATE audit SET previous = zeroblob(32) WHERE seq = 4", 4, "does not follow the entry before it"),
        ("DELETE FROM audit WHERE seq > 3", 3, "entries 4 to 5 at the end are missing"),
        ("DELETE FROM audit", 0, "entries 1 to 5 at the end are missing"),
        ("UPDATE audit_heads SET hash = zeroblob(32)", 5, "does not end with the entry that was written last"),
        ("UPDATE audit SET organization_seq = 1 WHERE seq = 2", 2, "among those of its organization"),
    ] {
        let (_folder, path) = file();
        let store = SqliteStore::open(&path).unwrap();
        for minute in 0..5 {
            store.record(&conformance::audit("policy.change", "Default", minute)).await.unwrap();
        }
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let broken = store.verify_audit(None).await.unwrap().broken.unwrap();
        assert_eq!(broken.seq, seq, "{change}");
        assert!(broken.why.contains(why), "{change}: {}", broken.why);
    }
}

#[tokio::test]
async fn what_is_written_after_the_end_was_cut_off_does_not_hide_it() {
    let (_folder, path) = file();
    let store = SqliteStore::open(&path).unwrap();
    for minute in 0..5 {
        store.record(&conformance::audit("policy.change", "Default", minute)).await.unwrap();
    }
    Connection::open(&path).unwrap().execute_batch("DELETE FROM audit WHERE seq = 5").unwrap();
    store.record(&conformance::audit("policy.change", "Default", 6)).await.unwrap();
    let broken = store.verify_audit(None).await.unwrap().broken.unwrap();
    assert_eq!((broken.seq, broken.why.as_str()), (6, "entry 5 is missing"));
}

#[tokio::test]
async fn a_trail_from_before_gets_heads_and_numbers_of_each_organization() {
    let (_folder, path) = file();
    let mut db = connect(&path).unwrap();
    Migrations::from_slice(&SCHEMA[..12]).to_latest(&mut db).unwrap();
    let mut previous = crate::audit::GENESIS;
    for (seq, organization) in [(1, None), (2, Some("default")), (3, Some("contoso")), (4, Some("default"))] {
        let (actor, action, target, detail) = ("root", "policy.change", "Default", "{}");
        let raw = crate::audit::RawEntry { seq, at: 7, organization, actor, action, target, detail };
        let hash = raw.hash(&previous);
        db.execute(
            "INSERT INTO audit (seq, at, actor, action, target, detail, previous, hash, organization) \
             VALUES (?1, 7, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            rusqlite::params![seq, actor, action, target, detail, previous, hash, organization],
        )
        .unwrap();
        previous = hash;
    }
    drop(db);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(*store.newest_change().borrow(), 4);
    let report = store.verify_audit(None).await.unwrap();
    assert_eq!((report.entries, report.broken), (4, None));
    let numbers: Vec<_> =
        store.changes_after(None, 0, 10).await.unwrap().into_iter().map(|entry| entry.organization_seq).collect();
    assert_eq!(numbers, [None, Some(1), Some(1), Some(2)]);
    store.record(&conformance::audit("policy.change", "Default", 9)).await.unwrap();
    assert_eq!(store.verify_audit(None).await.unwrap().broken, None);
}

#[tokio::test]
async fn an_older_version_that_still_runs_can_write_nothing_beside_the_heads() {
    let (_folder, path) = file();
    let store = SqliteStore::open(&path).unwrap();
    store.record(&conformance::audit("policy.change", "Default", 1)).await.unwrap();
    // The INSERT of schema 12, which does not number entries within their organization.
    let old = "INSERT INTO audit (seq, at, actor, action, target, detail, previous, hash, organization) \
               SELECT seq + 1, at, actor, action, target, detail, hash, hash, 'default' FROM audit";
    let refused = Connection::open(&path).unwrap().execute_batch(old).unwrap_err().to_string();
    assert!(refused.contains("older version"), "{refused}");
    store.record(&conformance::audit("policy.change", "Default", 2)).await.unwrap();
    assert_eq!(store.verify_audit(None).await.unwrap().broken, None);
}

#[test]
fn the_trail_is_looked_through_by_its_indexes() {
    let (_folder, path) = file();
    drop(SqliteStore::open(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    for (conditions, index) in [
        ("organization = 'x' AND seq > 5 ORDER BY seq", "audit_organization"),
        ("target = 'a' AND +organization = 'x' ORDER BY seq DESC", "audit_target"),
        ("organization = 'x' ORDER BY seq DESC", "audit_organization"),
        ("organization = 'x' AND organization_seq = 5", "audit_organization_seq"),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM audit WHERE {conditions}");
        let mut statement = db.prepare(&sql).unwrap();
        let plan: Vec<String> =
            statement.query_map([], |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap();
        assert!(plan.len() == 1 && plan[0].contains(&format!("INDEX {index} ")), "{conditions}: {plan:?}");
    }
}

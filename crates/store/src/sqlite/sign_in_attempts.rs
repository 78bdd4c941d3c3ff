//! Table `sign_in_attempts`.

use std::time::Duration;

use async_trait::async_trait;
use postern_domain::Timestamp;
use postern_domain::access::{Throttle, ThrottleRule};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{Fault, SqliteStore};
use crate::StoreError;
use crate::sign_in_attempts::{AttemptSource, SignInAttempts};

/// The most sources that are remembered. Beyond it, those are forgotten that have failed least recently.
const MOST: u32 = 100_000;

#[async_trait]
impl SignInAttempts for SqliteStore {
    async fn begin_attempt(&self, sources: &[AttemptSource], now: Timestamp) -> Result<Duration, StoreError> {
        let sources = sources.to_vec();
        self.write(move |tx| {
            let mut counted = Vec::new();
            let mut wait = Duration::ZERO;
            for AttemptSource { key, rule } in &sources {
                let known = throttle(tx, key)?;
                wait = wait.max(known.map_or(Duration::ZERO, |throttle| throttle.wait(*rule, now)));
                let throttle = known.map_or_else(|| Throttle::new(now), |throttle| throttle.failed(*rule, now));
                counted.push((key, throttle));
            }
            if wait.is_zero() {
                for (key, throttle) in counted {
                    tx.execute(
                        "INSERT INTO sign_in_attempts (source, failures, last) VALUES (?1, ?2, ?3)
                         ON CONFLICT (source) DO UPDATE SET failures = excluded.failures, last = excluded.last",
                        params![key, throttle.failures(), throttle.last().as_millis()],
                    )?;
                }
            }
            Ok(wait)
        })
        .await
    }

    async fn withdraw_attempt(&self, sources: &[AttemptSource]) -> Result<(), StoreError> {
        let sources = sources.to_vec();
        self.write(move |tx| {
            for AttemptSource { key, .. } in &sources {
                tx.execute("DELETE FROM sign_in_attempts WHERE source = ?1 AND failures <= 1", [key])?;
                tx.execute("UPDATE sign_in_attempts SET failures = failures - 1 WHERE source = ?1", [key])?;
            }
            Ok(())
        })
        .await
    }

    async fn forget_attempts(&self, source: &AttemptSource) -> Result<(), StoreError> {
        let key = source.key.clone();
        self.write(move |tx| {
            tx.execute("DELETE FROM sign_in_attempts WHERE source = ?1", [key])?;
            Ok(())
        })
        .await
    }

    async fn sweep_attempts(&self, now: Timestamp) -> Result<(), StoreError> {
        let forget = i64::try_from(ThrottleRule::ACCOUNT.forget.as_millis()).unwrap_or(i64::MAX);
        self.write(move |tx| {
            tx.execute("DELETE FROM sign_in_attempts WHERE last <= ?1", [now.as_millis().saturating_sub(forget)])?;
            tx.execute(
                "DELETE FROM sign_in_attempts WHERE source IN
                 (SELECT source FROM sign_in_attempts ORDER BY last DESC LIMIT -1 OFFSET ?1)",
                [MOST],
            )?;
            Ok(())
        })
        .await
    }
}

fn throttle(tx: &Transaction<'_>, key: &str) -> Result<Option<Throttle>, Fault> {
    let mut statement = tx.prepare_cached("SELECT failures, last FROM sign_in_attempts WHERE source = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok(Throttle::restore(row.get(0)?, Timestamp::from_millis(row.get(1)?)));
    Ok(statement.query_row([key], read).optional()?)
}

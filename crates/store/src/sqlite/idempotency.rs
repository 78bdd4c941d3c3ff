//! Table `idempotency`.

use async_trait::async_trait;
use postern_domain::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::SqliteStore;
use crate::StoreError;
use crate::idempotency::{GivenAnswer, Idempotency, KeyedRequest, Seen};

#[async_trait]
impl Idempotency for SqliteStore {
    async fn begin(&self, request: &KeyedRequest, now: Timestamp) -> Result<Seen, StoreError> {
        let request = request.clone();
        self.write(move |tx| {
            let KeyedRequest { caller, key, fingerprint } = &request;
            let begun = tx.execute(
                "INSERT OR IGNORE INTO idempotency (caller, key, fingerprint, created_at) VALUES (?1, ?2, ?3, ?4)",
                params![caller, key, fingerprint, now.as_millis()],
            )?;
            if begun == 1 {
                return Ok(Seen::First);
            }
            type Kept = ([u8; 32], Option<u16>, Option<Vec<u8>>);
            let stored: Option<Kept> = tx
                .query_row(
                    "SELECT fingerprint, status, body FROM idempotency WHERE caller = ?1 AND key = ?2",
                    params![caller, key],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .optional()?;
            Ok(match stored {
                Some((known, _, _)) if known != *fingerprint => Seen::Different,
                Some((_, Some(status), body)) => Seen::Answered(GivenAnswer { status, body }),
                Some((_, None, _)) | None => Seen::UnderWay,
            })
        })
        .await
    }

    async fn finish(&self, request: &KeyedRequest, answer: Option<&GivenAnswer>) -> Result<(), StoreError> {
        let (request, answer) = (request.clone(), answer.cloned());
        self.write(move |tx| {
            let KeyedRequest { caller, key, .. } = &request;
            match answer {
                Some(GivenAnswer { status, body }) => tx.execute(
                    "UPDATE idempotency SET status = ?3, body = ?4 WHERE caller = ?1 AND key = ?2",
                    params![caller, key, status, body],
                )?,
                None => tx.execute("DELETE FROM idempotency WHERE caller = ?1 AND key = ?2", params![caller, key])?,
            };
            Ok(())
        })
        .await
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM idempotency WHERE created_at < ?1", [before.as_millis()])?;
            Ok(())
        })
        .await
    }
}

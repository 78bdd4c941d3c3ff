//! Tables `acquaintances` and `acquainted`.

use async_trait::async_trait;
use postern_domain::{EntityId, Timestamp};
use rusqlite::params;

use super::SqliteStore;
use crate::StoreError;
use crate::known_recipients::{KnownRecipient, KnownRecipients};

#[async_trait]
impl KnownRecipients for SqliteStore {
    async fn note_known_recipients(&self, noted: &[KnownRecipient], now: Timestamp) -> Result<(), StoreError> {
        let noted = noted.to_vec();
        self.write(move |tx| {
            let mut since = tx.prepare_cached("INSERT OR IGNORE INTO acquainted (entity, since) VALUES (?1, ?2)")?;
            let mut note = tx.prepare_cached(
                "INSERT INTO acquaintances (entity, recipient, day) VALUES (?1, ?2, ?3)
                 ON CONFLICT (entity, recipient) DO UPDATE SET day = max(day, excluded.day)",
            )?;
            for KnownRecipient { entity, recipient, day } in &noted {
                let entity = entity.to_string();
                since.execute(params![entity, now.as_millis()])?;
                note.execute(params![entity, recipient, day])?;
            }
            Ok(())
        })
        .await
    }

    async fn known_recipients(&self) -> Result<(Vec<(EntityId, Timestamp)>, Vec<KnownRecipient>), StoreError> {
        self.read(|db| {
            let mut statement = db.prepare("SELECT entity, since FROM acquainted")?;
            let since = statement.query_map([], |row| {
                Ok((EntityId::from_text(&row.get::<_, String>(0)?), Timestamp::from_millis(row.get(1)?)))
            })?;
            let since = since.collect::<Result<_, _>>()?;
            let mut statement = db.prepare("SELECT entity, recipient, day FROM acquaintances")?;
            let noted = statement.query_map([], |row| {
                let entity = EntityId::from_text(&row.get::<_, String>(0)?);
                Ok(KnownRecipient { entity, recipient: row.get(1)?, day: row.get(2)? })
            })?;
            Ok((since, noted.collect::<Result<_, _>>()?))
        })
        .await
    }

    async fn forget_known_recipients(&self, day: u32) -> Result<(), StoreError> {
        self.write(move |tx| {
            tx.execute("DELETE FROM acquaintances WHERE day < ?1", [day])?;
            Ok(())
        })
        .await
    }
}

//! Table `mail_servers`.

use async_trait::async_trait;
use rusqlite::params;

use super::SqliteStore;
use crate::StoreError;
use crate::mail_servers::{MailServerRecord, MailServers};

#[async_trait]
impl MailServers for SqliteStore {
    async fn mail_servers(&self) -> Result<Vec<MailServerRecord>, StoreError> {
        self.read(|db| {
            let mut statement = db.prepare("SELECT peer, listener, reports_ends, confirms FROM mail_servers")?;
            let rows = statement.query_map([], |row| {
                Ok(MailServerRecord {
                    peer: row.get(0)?,
                    listener: row.get(1)?,
                    reports_ends: row.get(2)?,
                    confirms: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn save_mail_server(&self, record: &MailServerRecord) -> Result<(), StoreError> {
        let MailServerRecord { peer, listener, reports_ends, confirms } = record.clone();
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO mail_servers (peer, listener, reports_ends, confirms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (peer, listener)
                 DO UPDATE SET reports_ends = excluded.reports_ends, confirms = excluded.confirms",
                params![peer, listener, reports_ends, confirms],
            )?;
            Ok(())
        })
        .await
    }
}

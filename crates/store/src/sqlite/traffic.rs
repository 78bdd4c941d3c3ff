//! Tables `traffic` and `traffic_hours`.

use async_trait::async_trait;
use postern_domain::traffic::{BUCKETS_PER_HOUR, Traffic};
use postern_domain::{EntityId, OrganizationId};
use rusqlite::{CachedStatement, Row, params};

use super::SqliteStore;
use crate::StoreError;
use crate::traffic::{TrafficHistory, TrafficNote, TrafficVisitor};

/// The number of entities per transaction when old traffic is deleted, so that a restriction need not wait for all of
/// them.
const PART: usize = 2000;

/// Reads the five counts from column `first` on.
fn counts(row: &Row<'_>, first: usize) -> rusqlite::Result<Traffic> {
    Ok(Traffic {
        external: row.get(first)?,
        internal: row.get(first + 1)?,
        messages: row.get(first + 2)?,
        unknown: row.get(first + 3)?,
        refused: row.get(first + 4)?,
    })
}

/// The statement that adds five counts to the row of a key, or inserts the row.
fn add_to(table: &str, key: &str) -> String {
    let sums =
        ["external", "internal", "messages", "unknown", "refused"].map(|one| format!("{one} = {one} + excluded.{one}"));
    format!(
        "INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT ({key}) DO UPDATE SET {}",
        sums.join(", ")
    )
}

#[async_trait]
impl TrafficHistory for SqliteStore {
    async fn note_traffic(&self, notes: &[TrafficNote]) -> Result<(), StoreError> {
        let notes = notes.to_vec();
        self.write(move |tx| {
            let mut by_entity = tx.prepare_cached(&add_to("traffic", "entity, bucket"))?;
            let mut by_hour = tx.prepare_cached(&add_to("traffic_hours", "organization, hour"))?;
            for TrafficNote { organization, entity, bucket, traffic: t } in &notes {
                let hour = bucket / BUCKETS_PER_HOUR;
                let add = |sum: &mut CachedStatement<'_>, key: &str, at: u32| {
                    sum.execute(params![key, at, t.external, t.internal, t.messages, t.unknown, t.refused])
                };
                add(&mut by_entity, &entity.to_string(), *bucket)?;
                add(&mut by_hour, organization.as_str(), hour)?;
            }
            Ok(())
        })
        .await
    }

    async fn traffic_of(&self, entity: &EntityId, since: u32) -> Result<Vec<(u32, Traffic)>, StoreError> {
        let entity = entity.to_string();
        self.read(move |db| {
            let mut statement = db.prepare_cached(
                "SELECT bucket, external, internal, messages, unknown, refused FROM traffic
                 WHERE entity = ?1 AND bucket >= ?2 ORDER BY bucket",
            )?;
            let rows = statement.query_map(params![entity, since], |row| Ok((row.get(0)?, counts(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn traffic_by_hour(
        &self,
        organization: Option<&OrganizationId>,
        since: u32,
    ) -> Result<Vec<(u32, Traffic)>, StoreError> {
        let organization = organization.map(|organization| organization.as_str().to_owned());
        self.read(move |db| {
            // Only if set, so that the planner can use the key.
            let whose = if organization.is_some() { "organization = ?2" } else { "?2 IS NULL" };
            let mut statement = db.prepare_cached(&format!(
                "SELECT hour, sum(external), sum(internal), sum(messages), sum(unknown), sum(refused)
                 FROM traffic_hours WHERE {whose} AND hour >= ?1 GROUP BY hour ORDER BY hour"
            ))?;
            let rows = statement.query_map(params![since, organization], |row| Ok((row.get(0)?, counts(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn scan_traffic(&self, since: u32, least: u32, mut visit: TrafficVisitor) -> Result<(), StoreError> {
        self.scan(move |db| {
            // The table is already in this order: one pass, and only the current entity's rows are in memory.
            let mut statement = db.prepare(
                "SELECT entity, bucket, external, internal, messages, unknown, refused FROM traffic
                 WHERE bucket >= ?1 ORDER BY entity, bucket",
            )?;
            let mut rows = statement.query([since])?;
            let mut sent: Vec<(u32, Traffic)> = Vec::new();
            let mut current = String::new();
            let mut done = |entity: &str, sent: &mut Vec<(u32, Traffic)>| {
                let all = sent.iter().fold(Traffic::default(), |all, (_, more)| all.plus(*more));
                if all.recipients() > least || all.messages > least || all.unknown > least {
                    visit(EntityId::from_text(entity), sent);
                }
                sent.clear();
            };
            while let Some(row) = rows.next()? {
                let entity = row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                if entity != current {
                    done(&current, &mut sent);
                    entity.clone_into(&mut current);
                }
                sent.push((row.get(1)?, counts(row, 2)?));
            }
            done(&current, &mut sent);
            Ok(())
        })
        .await
    }

    async fn forget_traffic(&self, bucket: u32, hour: u32) -> Result<(), StoreError> {
        // Found outside the writer, because this reads the whole table.
        let old = self
            .scan(move |db| {
                let mut statement = db.prepare("SELECT DISTINCT entity FROM traffic WHERE bucket < ?1")?;
                let entities = statement.query_map([bucket], |row| row.get::<_, String>(0))?;
                Ok(entities.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        for part in old.chunks(PART) {
            let part = part.to_vec();
            self.write(move |tx| {
                let mut forget = tx.prepare_cached("DELETE FROM traffic WHERE entity = ?1 AND bucket < ?2")?;
                for entity in &part {
                    forget.execute(params![entity, bucket])?;
                }
                Ok(())
            })
            .await?;
        }
        self.write(move |tx| {
            tx.execute("DELETE FROM traffic_hours WHERE hour < ?1", [hour])?;
            Ok(())
        })
        .await
    }
}

//! Table `outbox`.

use async_trait::async_trait;
use postern_domain::{Reference, Timestamp};
use rusqlite::{Connection, Row, Transaction, params};

use super::{Fault, SqliteStore, outbox};
use crate::{DeliveryOutcome, MailKind, OutboxState, Outgoing, QueuedMail, StoreError};

#[async_trait]
impl crate::Outbox for SqliteStore {
    async fn due_mails(&self, now: Timestamp, webhooks: bool, limit: u32) -> Result<Vec<QueuedMail>, StoreError> {
        self.read(move |db| outbox::due(db, now, webhooks, limit)).await
    }

    async fn tried(&self, id: i64, delivery: &DeliveryOutcome, now: Timestamp) -> Result<(), StoreError> {
        let delivery = delivery.clone();
        self.write(move |tx| outbox::tried(tx, id, &delivery, now)).await
    }

    async fn outbox(&self) -> Result<(OutboxState, Option<Timestamp>), StoreError> {
        self.read(outbox::state).await
    }
}

pub(super) fn put(tx: &Transaction<'_>, reference: &Reference, mail: &Outgoing, at: Timestamp) -> Result<(), Fault> {
    tx.prepare_cached(
        "INSERT INTO outbox (kind, reference, sender, recipient, message, created_at, next_at, policy) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)",
    )?
    .execute(params![
        mail.kind.key(),
        reference.as_str(),
        mail.sender,
        mail.recipient,
        mail.message,
        at.as_millis(),
        mail.policy,
    ])?;
    Ok(())
}

pub(super) fn due(db: &Connection, now: Timestamp, webhooks: bool, limit: u32) -> Result<Vec<QueuedMail>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT * FROM outbox WHERE delivered_at IS NULL AND given_up_at IS NULL AND next_at <= ?1 \
           AND (kind = 'webhook') = ?3 ORDER BY next_at, id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![now.as_millis(), limit, webhooks])?;
    let mut mails = Vec::new();
    while let Some(row) = rows.next()? {
        mails.push(from_row(row)?);
    }
    Ok(mails)
}

pub(super) fn tried(tx: &Transaction<'_>, id: i64, delivery: &DeliveryOutcome, now: Timestamp) -> Result<(), Fault> {
    match delivery {
        DeliveryOutcome::Delivered => tx.execute(
            "UPDATE outbox SET attempts = attempts + 1, delivered_at = ?2 WHERE id = ?1",
            params![id, now.as_millis()],
        )?,
        DeliveryOutcome::Retry { at, error } => tx.execute(
            "UPDATE outbox SET attempts = attempts + 1, next_at = ?2, last_error = ?3 WHERE id = ?1",
            params![id, at.as_millis(), error],
        )?,
        DeliveryOutcome::GivenUp { error } => tx.execute(
            "UPDATE outbox SET attempts = attempts + 1, given_up_at = ?2, last_error = ?3 WHERE id = ?1",
            params![id, now.as_millis(), error],
        )?,
    };
    Ok(())
}

pub(super) fn state(db: &Connection) -> Result<(OutboxState, Option<Timestamp>), Fault> {
    let waiting = db.query_row(
        "SELECT count(*), count(*) FILTER (WHERE attempts > 0), min(next_at) FROM outbox \
         WHERE delivered_at IS NULL AND given_up_at IS NULL",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?)),
    )?;
    let given_up = db.query_row("SELECT count(*) FROM outbox WHERE given_up_at IS NOT NULL", [], |row| row.get(0))?;
    let (waiting, retrying, next) = waiting;
    Ok((OutboxState { waiting, retrying, given_up }, next.map(Timestamp::from_millis)))
}

fn from_row(row: &Row<'_>) -> Result<QueuedMail, Fault> {
    let kind: String = row.get("kind")?;
    let reference: String = row.get("reference")?;
    Ok(QueuedMail {
        id: row.get("id")?,
        reference: Reference::parse(&reference).map_err(|_| Fault::unreadable("outbox.reference", reference))?,
        mail: Outgoing {
            kind: [MailKind::Alert, MailKind::Notice, MailKind::Webhook]
                .into_iter()
                .find(|k| k.key() == kind)
                .ok_or_else(|| Fault::unreadable("outbox.kind", kind))?,
            policy: row.get("policy")?,
            sender: row.get("sender")?,
            recipient: row.get("recipient")?,
            message: row.get("message")?,
        },
        attempts: row.get("attempts")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
    })
}

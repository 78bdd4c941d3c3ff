-- The outbox holds webhooks too; SQLite can't change a CHECK, so the table is made anew.
CREATE TABLE outbox_5 (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL CHECK (kind IN ('alert', 'notice', 'webhook')),
    reference    TEXT NOT NULL,
    sender       TEXT NOT NULL,
    recipient    TEXT NOT NULL,
    message      BLOB NOT NULL,
    created_at   INTEGER NOT NULL,
    next_at      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    last_error   TEXT,
    delivered_at INTEGER,
    given_up_at  INTEGER
) STRICT;

INSERT INTO outbox_5 SELECT * FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_5 RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (next_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_reference ON outbox (reference);

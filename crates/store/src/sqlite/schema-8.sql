-- POST requests that named an Idempotency-Key, for a day: a second one gets the first one's answer.
CREATE TABLE idempotency (
    caller      TEXT NOT NULL,
    key         TEXT NOT NULL,
    -- SHA-256 of method, address and body.
    fingerprint BLOB NOT NULL,
    -- Null while the first one is under way.
    status      INTEGER,
    -- Null where the answer held a secret.
    body        BLOB,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_created ON idempotency (created_at);

-- Times are milliseconds since 1970-01-01T00:00:00Z. Columns called cause, evidence and detail
-- hold JSON; docs/schema.md says what is in them.

CREATE TABLE restrictions (
    reference       TEXT PRIMARY KEY NOT NULL,
    entity          TEXT NOT NULL,
    cause           TEXT NOT NULL,
    evidence        TEXT NOT NULL,
    since           INTEGER NOT NULL,
    until           INTEGER,
    refused         INTEGER NOT NULL DEFAULT 0,
    last_refused_at INTEGER,
    released_at     INTEGER,
    released_by     TEXT,
    release_reason  TEXT,
    probation_until INTEGER,
    CHECK ((released_at IS NULL) = (released_by IS NULL)),
    CHECK ((released_at IS NULL) = (release_reason IS NULL))
) STRICT;

-- An entity has at most one restriction in force.
CREATE UNIQUE INDEX restrictions_in_force ON restrictions (entity) WHERE released_at IS NULL;
CREATE INDEX restrictions_since ON restrictions (since);
CREATE INDEX restrictions_entity ON restrictions (entity, since);
CREATE INDEX restrictions_probation ON restrictions (probation_until) WHERE probation_until IS NOT NULL;

CREATE TABLE alerts (
    reference TEXT PRIMARY KEY NOT NULL,
    policy    TEXT NOT NULL,
    severity  TEXT NOT NULL CHECK (severity IN ('informational', 'low', 'medium', 'high')),
    status    TEXT NOT NULL CHECK (status IN ('active', 'investigating', 'resolved', 'dismissed')),
    entity    TEXT NOT NULL,
    cause     TEXT NOT NULL,
    evidence  TEXT NOT NULL,
    raised_at INTEGER NOT NULL,
    closed_at INTEGER,
    -- Whether people were to be told by mail; not so beyond the daily notification limit.
    notified  INTEGER NOT NULL
) STRICT;

CREATE INDEX alerts_raised ON alerts (raised_at);
CREATE INDEX alerts_policy ON alerts (policy, raised_at);

CREATE TABLE audit (
    seq      INTEGER PRIMARY KEY NOT NULL,
    at       INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    action   TEXT NOT NULL,
    target   TEXT NOT NULL,
    detail   TEXT NOT NULL,
    previous BLOB NOT NULL,
    hash     BLOB NOT NULL
) STRICT;

CREATE TABLE outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    kind         TEXT NOT NULL CHECK (kind IN ('alert', 'notice')),
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

CREATE INDEX outbox_due ON outbox (next_at) WHERE delivered_at IS NULL AND given_up_at IS NULL;
CREATE INDEX outbox_reference ON outbox (reference);

-- Outbound policies: one row each, the default one without a priority. `body` is the policy as
-- JSON, with the names of the API.
CREATE TABLE outbound_policies (
    name     TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
    priority INTEGER UNIQUE,
    body     TEXT NOT NULL
) STRICT;

-- Single values: `policies.revision` counts changes of the outbound policies, `policies.file` is
-- the configuration file's [outbound_policy] as it was last taken over.
CREATE TABLE state (
    key   TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE allowances (
    reference         TEXT PRIMARY KEY NOT NULL,
    entity            TEXT NOT NULL,
    external_per_hour INTEGER,
    internal_per_hour INTEGER,
    per_day           INTEGER,
    granted_at        INTEGER NOT NULL,
    until             INTEGER NOT NULL,
    granted_by        TEXT NOT NULL,
    reason            TEXT NOT NULL,
    ended_at          INTEGER,
    ended_by          TEXT,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
) STRICT;

-- An entity has at most one allowance that was not ended; a new one takes the place of the old.
CREATE UNIQUE INDEX allowances_in_force ON allowances (entity) WHERE ended_at IS NULL;

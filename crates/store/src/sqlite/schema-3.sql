-- API tokens: what is kept is the SHA-256 of one, never the token itself.
CREATE TABLE tokens (
    name         TEXT NOT NULL COLLATE NOCASE,
    hash         BLOB PRIMARY KEY NOT NULL,
    role         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    created_by   TEXT NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER,
    revoked_by   TEXT,
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
) STRICT;

-- A name is taken until its token is revoked.
CREATE UNIQUE INDEX tokens_name ON tokens (name) WHERE revoked_at IS NULL;

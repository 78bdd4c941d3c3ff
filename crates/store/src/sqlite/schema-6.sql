-- People who sign in. The address is the name they sign in with, in lower case.
CREATE TABLE people (
    address         TEXT PRIMARY KEY NOT NULL,
    -- What a passkey knows its owner by (WebAuthn section 5.4.3): random, tells nothing.
    handle          BLOB NOT NULL UNIQUE CHECK (length(handle) = 16),
    role            TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
    origin          TEXT NOT NULL CHECK (origin IN ('local', 'single-sign-on')),
    created_at      INTEGER NOT NULL,
    created_by      TEXT NOT NULL,
    last_sign_in_at INTEGER,
    -- Issuer and subject of the single sign-on provider.
    subject         TEXT UNIQUE,
    -- PHC string (argon2id).
    password        TEXT,
    totp_secret     BLOB,
    -- The last time step a code was used for: no code works twice.
    totp_step       INTEGER
) STRICT;

CREATE TABLE passkeys (
    id           BLOB PRIMARY KEY NOT NULL,
    person       TEXT NOT NULL REFERENCES people (address) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    passkey      TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

CREATE INDEX passkeys_person ON passkeys (person);

CREATE TABLE recovery_codes (
    hash   BLOB NOT NULL,
    person TEXT NOT NULL REFERENCES people (address) ON DELETE CASCADE,
    PRIMARY KEY (person, hash)
) STRICT, WITHOUT ROWID;

-- One-time links: what is kept is the SHA-256 of one. Without an address it makes the first admin.
CREATE TABLE invitations (
    hash       BLOB PRIMARY KEY NOT NULL,
    address    TEXT REFERENCES people (address) ON DELETE CASCADE,
    role       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Who is signed in where: what is kept is the SHA-256 of the cookie.
CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY NOT NULL,
    id         TEXT NOT NULL UNIQUE,
    person     TEXT REFERENCES people (address) ON DELETE CASCADE,
    data       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_person ON sessions (person);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Keys that Postern made for itself.
CREATE TABLE keys (
    name  TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT;

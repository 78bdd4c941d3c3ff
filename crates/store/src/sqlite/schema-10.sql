-- Whom an entity has written to: the first 8 bytes of the address's SHA-256, and the day (since
-- 1970) it last did. Kept only where a policy limits first-time recipients.
CREATE TABLE acquaintances (
    entity    TEXT NOT NULL,
    recipient INTEGER NOT NULL,
    day       INTEGER NOT NULL,
    PRIMARY KEY (entity, recipient)
) STRICT, WITHOUT ROWID;

CREATE INDEX acquaintances_day ON acquaintances (day);

-- Since when an entity's recipients are remembered.
CREATE TABLE acquainted (
    entity TEXT PRIMARY KEY NOT NULL,
    since  INTEGER NOT NULL
) STRICT;

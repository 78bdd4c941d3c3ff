-- Alert policies; the built-in ones are here once they have been changed.
CREATE TABLE alert_policies (
    name     TEXT PRIMARY KEY NOT NULL COLLATE NOCASE,
    position INTEGER NOT NULL,
    body     TEXT NOT NULL
) STRICT;

-- The alert policy that wants a mail, for its daily limit.
ALTER TABLE outbox ADD COLUMN policy TEXT;
CREATE INDEX outbox_policy ON outbox (policy, created_at) WHERE policy IS NOT NULL;

-- Whether people were told that nobody has released it.
ALTER TABLE restrictions ADD COLUMN overdue_told INTEGER NOT NULL DEFAULT 0;

-- Organizations besides the first one, which the configuration has.
CREATE TABLE organizations (
    id         TEXT PRIMARY KEY NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL
) STRICT;

-- Whose an entity was when it happened. What is here already is the first organization's.
ALTER TABLE restrictions ADD COLUMN organization TEXT NOT NULL DEFAULT 'default';
ALTER TABLE alerts ADD COLUMN organization TEXT NOT NULL DEFAULT 'default';
CREATE INDEX restrictions_organization ON restrictions (organization, since);
CREATE INDEX alerts_organization ON alerts (organization, raised_at);

-- Null: of all organizations.
ALTER TABLE audit ADD COLUMN organization TEXT;
ALTER TABLE people ADD COLUMN organization TEXT;
ALTER TABLE tokens ADD COLUMN organization TEXT;
CREATE INDEX audit_organization ON audit (organization, seq);
DROP INDEX tokens_name;
CREATE UNIQUE INDEX tokens_name ON tokens (coalesce(organization, ''), name) WHERE revoked_at IS NULL;

CREATE TABLE outbound_policies_9 (
    organization TEXT NOT NULL,
    name         TEXT NOT NULL COLLATE NOCASE,
    priority     INTEGER,
    body         TEXT NOT NULL,
    PRIMARY KEY (organization, name),
    UNIQUE (organization, priority)
) STRICT;
INSERT INTO outbound_policies_9 SELECT 'default', name, priority, body FROM outbound_policies;
DROP TABLE outbound_policies;
ALTER TABLE outbound_policies_9 RENAME TO outbound_policies;

CREATE TABLE alert_policies_9 (
    organization TEXT NOT NULL,
    name         TEXT NOT NULL COLLATE NOCASE,
    position     INTEGER NOT NULL,
    body         TEXT NOT NULL,
    PRIMARY KEY (organization, name)
) STRICT;
INSERT INTO alert_policies_9 SELECT 'default', name, position, body FROM alert_policies;
DROP TABLE alert_policies;
ALTER TABLE alert_policies_9 RENAME TO alert_policies;

UPDATE state SET key = 'policies.revision.default' WHERE key = 'policies.revision';
UPDATE state SET key = 'policies.file.default' WHERE key = 'policies.file';
UPDATE state SET key = 'alert_policies.revision.default' WHERE key = 'alert_policies.revision';
UPDATE state SET key = 'alert_policies.file.default' WHERE key = 'alert_policies.file';

-- Each organization sees numbers of its own, which tell nothing of what others do.
ALTER TABLE audit ADD COLUMN organization_seq INTEGER;

UPDATE audit SET organization_seq = numbered.own
FROM (
    SELECT seq, row_number() OVER (PARTITION BY organization ORDER BY seq) AS own FROM audit
    WHERE organization IS NOT NULL
) AS numbered
WHERE audit.seq = numbered.seq;

CREATE UNIQUE INDEX audit_organization_seq ON audit (organization, organization_seq);

-- Where the trail ends, and where each organization's part of it does; the whole trail is the organization ''. Entries
-- that are cut off at the end are missed by it.
CREATE TABLE audit_heads (
    organization TEXT PRIMARY KEY NOT NULL,
    seq          INTEGER NOT NULL,
    hash         BLOB NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO audit_heads SELECT '', seq, hash FROM audit ORDER BY seq DESC LIMIT 1;
INSERT INTO audit_heads
SELECT organization, max(organization_seq), hash FROM audit WHERE organization IS NOT NULL GROUP BY organization;

-- A process of an older version that is still running must not write beside the heads.
CREATE TRIGGER audit_follows BEFORE INSERT ON audit
WHEN NEW.seq <> coalesce((SELECT seq FROM audit_heads WHERE organization = ''), 0) + 1
    OR (NEW.organization IS NULL) <> (NEW.organization_seq IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'an audit entry does not follow the last one: is an older version of Postern still running?');
END;

-- What is in force is read at the start without the evidence.
CREATE INDEX restrictions_standing ON restrictions (entity, reference, until) WHERE released_at IS NULL;

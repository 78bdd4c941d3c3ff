-- What was sent over days. `bucket` counts ten minutes, `hour` hours since 1970.
CREATE TABLE traffic (
    entity TEXT NOT NULL,
    bucket INTEGER NOT NULL,
    external INTEGER NOT NULL,
    internal INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (entity, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE traffic_hours (
    organization TEXT NOT NULL,
    hour INTEGER NOT NULL,
    external INTEGER NOT NULL,
    internal INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (organization, hour)
) STRICT, WITHOUT ROWID;

-- What is about one entity is found without reading what is about others.
CREATE INDEX alerts_entity ON alerts (entity, raised_at);
CREATE INDEX audit_target ON audit (target, seq);

-- Those in force by how often they were refused, without sorting all of them.
CREATE INDEX restrictions_refused ON restrictions (refused DESC, since DESC, reference) WHERE released_at IS NULL;

-- Open alerts are counted and listed, and mails given up counted, without reading the others.
CREATE INDEX alerts_status ON alerts (status, raised_at DESC, reference, organization);
CREATE INDEX outbox_given_up ON outbox (id) WHERE given_up_at IS NOT NULL;

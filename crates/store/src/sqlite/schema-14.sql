-- What mail servers have shown that they report, so that a restart need not learn it again.
CREATE TABLE mail_servers (
    peer         TEXT NOT NULL,
    listener     TEXT NOT NULL,
    reports_ends INTEGER NOT NULL,
    confirms     INTEGER NOT NULL,
    PRIMARY KEY (peer, listener)
) STRICT, WITHOUT ROWID;

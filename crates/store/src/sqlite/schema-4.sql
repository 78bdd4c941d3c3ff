-- What people did about an alert: a new status, a comment, or both.
CREATE TABLE alert_notes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    reference TEXT NOT NULL REFERENCES alerts (reference),
    at        INTEGER NOT NULL,
    by        TEXT NOT NULL,
    status    TEXT CHECK (status IN ('active', 'investigating', 'resolved', 'dismissed')),
    comment   TEXT NOT NULL
) STRICT;

CREATE INDEX alert_notes_reference ON alert_notes (reference, id);

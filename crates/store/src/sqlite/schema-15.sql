-- Counts the changes to how a person signs in, and to whether they may: a session is made only under the version that
-- was checked.
ALTER TABLE people ADD COLUMN version INTEGER NOT NULL DEFAULT 0;

-- Sign-in attempts that have failed, or are not decided yet. They survive a restart, and all nodes share them.
CREATE TABLE sign_in_attempts (
    source   TEXT PRIMARY KEY NOT NULL,
    failures INTEGER NOT NULL,
    last     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sign_in_attempts_last ON sign_in_attempts (last);

-- Challenges that a passkey has answered: none is answered twice.
CREATE TABLE used_challenges (
    hash       BLOB PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who made a token: a person, another token, or else a local user. It may do no more than they may, and ends with them.
ALTER TABLE tokens ADD COLUMN made_by_person TEXT;
ALTER TABLE tokens ADD COLUMN made_by_token BLOB;
UPDATE tokens SET made_by_person = created_by WHERE created_by IN (SELECT address FROM people);

-- People who come from the single sign-on provider sign in nowhere else.
DELETE FROM passkeys WHERE person IN (SELECT address FROM people WHERE origin = 'single-sign-on');

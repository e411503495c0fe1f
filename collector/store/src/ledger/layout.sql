-- Invitations. The code itself is shown once and never stored.
CREATE TABLE invite (
    code_hash BLOB    PRIMARY KEY CHECK (length(code_hash) = 32),
    role      TEXT    NOT NULL CHECK (role IN ('probe', 'control')),
    uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
    expires   INTEGER
) STRICT;

-- Whoever enrolled. No address is kept, and of the place only what a report is filed under.
CREATE TABLE probe (
    id       BLOB    PRIMARY KEY CHECK (length(id) = 32),
    role     TEXT    NOT NULL CHECK (role IN ('probe', 'control')),
    consent  INTEGER NOT NULL,
    enrolled INTEGER NOT NULL,
    revoked  INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1)),
    seen     INTEGER,
    network  INTEGER,
    country  TEXT
) STRICT;

-- Keys the collector made for itself.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL CHECK (length(value) = 32)
) STRICT;

-- The bundle in force: one row.
CREATE TABLE bundle (
    row     INTEGER PRIMARY KEY CHECK (row = 0),
    version INTEGER NOT NULL,
    made    INTEGER NOT NULL,
    bytes   BLOB    NOT NULL
) STRICT;

-- How far detection has come: one row.
CREATE TABLE detection (
    row    INTEGER PRIMARY KEY CHECK (row = 0),
    cursor INTEGER NOT NULL,
    state  TEXT    NOT NULL
) STRICT;

-- Events as they are now. A retracted one stays, unseen, so that its history can be told.
CREATE TABLE event (
    id        TEXT    PRIMARY KEY,
    country   TEXT    NOT NULL,
    onset     INTEGER NOT NULL,
    retracted INTEGER NOT NULL CHECK (retracted IN (0, 1)),
    body      TEXT    NOT NULL
) STRICT;

CREATE INDEX event_onset ON event (onset);

-- What became known of each event, in order.
CREATE TABLE history (
    number INTEGER PRIMARY KEY,
    event  TEXT    NOT NULL REFERENCES event (id),
    at     INTEGER NOT NULL,
    change TEXT    NOT NULL
) STRICT;

CREATE INDEX history_event ON history (event, number);

-- The outbox of alerts.
CREATE TABLE alert (
    id       TEXT    PRIMARY KEY,
    event    TEXT    NOT NULL,
    channel  TEXT    NOT NULL,
    body     TEXT    NOT NULL,
    due      INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    state    TEXT    NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent', 'given-up')),
    error    TEXT
) STRICT;

CREATE INDEX alert_due ON alert (due) WHERE state = 'due';

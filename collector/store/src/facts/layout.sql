-- Batches as they came: the evidence.
CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    id     BLOB    NOT NULL UNIQUE CHECK (length(id) = 32),
    probe  INTEGER NOT NULL REFERENCES probe (number),
    bytes  BLOB    NOT NULL
) STRICT;

CREATE TABLE probe (
    number INTEGER PRIMARY KEY,
    id     BLOB    NOT NULL UNIQUE CHECK (length(id) = 32)
) STRICT;

-- One row per report. Rows are only ever added, so the cursor counts in the order of arrival.
CREATE TABLE fact (
    cursor   INTEGER PRIMARY KEY AUTOINCREMENT,
    batch    INTEGER NOT NULL REFERENCES batch (number),
    place    INTEGER NOT NULL,
    probe    INTEGER NOT NULL REFERENCES probe (number),
    role     TEXT    NOT NULL CHECK (role IN ('probe', 'control')),
    sequence INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    target   TEXT    NOT NULL,
    service  TEXT    NOT NULL,
    network  INTEGER,
    country  TEXT,
    verdict  TEXT    NOT NULL,
    UNIQUE (probe, sequence),
    UNIQUE (batch, place)
) STRICT;

-- What control probes saw, by target and time.
CREATE TABLE control (
    target TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    entry  TEXT    NOT NULL,
    PRIMARY KEY (target, at)
) STRICT, WITHOUT ROWID;

-- Counts per minute. One row per probe, so that the distinct probes of any span and any set of networks can be counted.
CREATE TABLE bucket (
    country      TEXT    NOT NULL,
    minute       INTEGER NOT NULL,
    service      TEXT    NOT NULL,
    network      INTEGER,
    probe        INTEGER NOT NULL REFERENCES probe (number),
    ok           INTEGER NOT NULL DEFAULT 0,
    blocked      INTEGER NOT NULL DEFAULT 0,
    throttled    INTEGER NOT NULL DEFAULT 0,
    down         INTEGER NOT NULL DEFAULT 0,
    inconclusive INTEGER NOT NULL DEFAULT 0
) STRICT;

-- NULLs are all different to a unique index, so the unknown network takes part as 0, which is no network's number.
CREATE UNIQUE INDEX bucket_key ON bucket (country, minute, service, ifnull(network, 0), probe);
CREATE INDEX bucket_minute ON bucket (minute);

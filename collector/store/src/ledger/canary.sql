-- What probes said lately of targets whose true state the operator knows.
CREATE TABLE canary (
    number  INTEGER PRIMARY KEY,
    probe   BLOB    NOT NULL REFERENCES probe (id),
    target  TEXT    NOT NULL,
    network INTEGER,
    at      INTEGER NOT NULL,
    said    TEXT    NOT NULL CHECK (said IN ('reached', 'blocked')),
    lied    INTEGER NOT NULL CHECK (lied IN (0, 1))
) STRICT;

CREATE INDEX canary_probe ON canary (probe, at);
CREATE INDEX canary_target ON canary (target, at);

-- When each probe last gave a sign of life that detection was told of, and from which network.
ALTER TABLE probe ADD COLUMN told INTEGER;
ALTER TABLE probe ADD COLUMN told_network INTEGER;

-- Signs of life that detection has not read for good yet; then they are deleted. Numbers are never used again.
CREATE TABLE sign (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    probe    BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    network  INTEGER NOT NULL,
    country  TEXT    NOT NULL,
    enrolled INTEGER
) STRICT;

-- When the probe enrolled, and digests of its software and of the targets it knew; NULL in rows from before they were kept.
ALTER TABLE fact ADD COLUMN enrolled INTEGER;
ALTER TABLE fact ADD COLUMN software INTEGER;
ALTER TABLE fact ADD COLUMN list INTEGER;

-- From which piece of the network a fact came that detection has not read for good; then its row goes. A keyed hash whose key
-- is nowhere but in memory, and new each day.
CREATE TABLE neighbourhood (
    fact  INTEGER PRIMARY KEY REFERENCES fact (cursor),
    value INTEGER NOT NULL
) STRICT;

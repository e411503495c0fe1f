-- Whoever made an invitation may vouch for those who use it.
ALTER TABLE invite ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0 CHECK (vouched IN (0, 1));
ALTER TABLE probe ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0 CHECK (vouched IN (0, 1));

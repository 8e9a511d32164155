-- Reviews that an earlier release asked for have no priority yet: they are normal ones.
UPDATE parked_action SET priority = 1 WHERE kind = 'human_review' AND priority IS NULL;

-- A webhook: not posted again before then. While it is posted, this is when its worker is taken for dead.
ALTER TABLE parked_action ADD COLUMN next_try_at TIMESTAMPTZ;

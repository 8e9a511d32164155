-- When the clock opens and closes campaigns, and how far the leads of a campaign are brought into line with its segments.

-- When the clock next opens or closes the campaign: its start or its end; NULL: neither lies ahead. What has been done is not done again.
ALTER TABLE campaign ADD COLUMN window_due_at TIMESTAMPTZ;
CREATE INDEX campaign_window_due ON campaign (window_due_at) WHERE window_due_at IS NOT NULL;
-- One column says what is due; the dates themselves are only shown.
DROP INDEX campaign_to_start;
DROP INDEX campaign_to_end;

-- How far bringing its members into line has come; NULL: it begins.
ALTER TABLE campaign ADD COLUMN members_from TEXT;
-- When it is to be done once more after that, because somebody may be contacted again by then.
ALTER TABLE campaign ADD COLUMN members_next_at TIMESTAMPTZ;

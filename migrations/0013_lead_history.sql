-- How leads came to their status, who decided about them, and what a campaign does with duplicates.

-- Each change of a lead's status after it was taken in. Rows are added in the transaction that changes the lead, never changed.
CREATE TABLE lead_status_change (
    workspace_id  UUID NOT NULL,
    lead_id       UUID NOT NULL,
    -- 1, 2, 3, … within the lead.
    number        BIGINT NOT NULL,
    from_status   TEXT NOT NULL,
    to_status     TEXT NOT NULL,
    -- Why, in a stable code and in a sentence.
    reason_code   TEXT NOT NULL,
    reason        TEXT NOT NULL,
    -- Who: a key's name, or the part of the program that decided.
    changed_by    TEXT NOT NULL,
    -- The submission whose outcome it follows from, if any.
    submission_id UUID,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, lead_id, number),
    CONSTRAINT change_is_of_a_lead FOREIGN KEY (workspace_id, lead_id) REFERENCES lead (workspace_id, id),
    CONSTRAINT lead_statuses_are_known CHECK (
        from_status IN ('active', 'qualified', 'rejected', 'duplicate', 'deleted')
        AND to_status IN ('active', 'qualified', 'rejected', 'duplicate', 'deleted')
    ),
    CONSTRAINT change_changes_something CHECK (from_status <> to_status)
);

-- Who ended a wait, and why they did; resolved_by says only what kind of decider it was.
ALTER TABLE parked_action ADD COLUMN decided_by TEXT;
ALTER TABLE parked_action ADD COLUMN decision_reason TEXT;
-- What did people decide about a submission?
CREATE INDEX park_by_submission ON parked_action (submission_id);

-- What is done with a lead that the duplicate window recognises: flag it, give it the lead status duplicate as well, or refuse it.
-- A copy from the newest revision, for intake, as dedup_days is.
ALTER TABLE campaign ADD COLUMN dedup_action TEXT NOT NULL DEFAULT 'status'
    CONSTRAINT dedup_action_is_known CHECK (dedup_action IN ('flag', 'status', 'refuse'));

-- The buyer's own id of the lead, where a person noted it; what buyers answered themselves is in delivery_attempt.
ALTER TABLE submission ADD COLUMN buyer_lead_id TEXT;

-- What a person sends to a buyer again, or at last, is under way once at a time.
CREATE UNIQUE INDEX one_resend_at_a_time ON submission (workspace_id, lead_id)
    WHERE kind IN ('repost', 'manual_delivery') AND run <> 'finished';

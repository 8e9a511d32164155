-- Each HTTP exchange with a buyer. The row is committed before the first byte leaves: an attempt without an outcome is one whose
-- worker died, and the buyer may have the lead.

CREATE TABLE delivery_attempt (
    workspace_id    UUID NOT NULL,
    submission_id   UUID NOT NULL,
    -- 1, 2, 3, … within the submission.
    number          BIGINT NOT NULL,
    campaign_id     UUID NOT NULL,
    -- The endpoint's id within the campaign revision.
    endpoint        TEXT NOT NULL,
    -- Sent with every attempt of this submission at this endpoint.
    idempotency_key TEXT NOT NULL,
    started_at      TIMESTAMPTZ NOT NULL,
    -- accepted, rejected, duplicate, failed (surely not taken), unknown (perhaps taken) or unclassified (no response rule matched).
    outcome         TEXT,
    status_code     BIGINT,
    reason          TEXT,
    -- The buyer's own id of the lead, and what it pays, in minor units.
    buyer_lead_id   TEXT,
    price_minor     BIGINT,
    currency        TEXT,
    -- The answer's first 4 KiB.
    answer          TEXT,
    duration_us     BIGINT,
    finished_at     TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, submission_id, number),
    CONSTRAINT attempt_is_of_a_submission FOREIGN KEY (workspace_id, submission_id) REFERENCES submission (workspace_id, id),
    CONSTRAINT attempt_outcome_is_known CHECK (
        outcome IN ('accepted', 'rejected', 'duplicate', 'failed', 'unknown', 'unclassified')
    ),
    CONSTRAINT attempt_end_is_whole CHECK ((outcome IS NULL) = (finished_at IS NULL))
);
-- A submission is with one buyer at a time, and is sold once.
CREATE UNIQUE INDEX one_attempt_in_flight ON delivery_attempt (workspace_id, submission_id) WHERE outcome IS NULL;
CREATE UNIQUE INDEX sold_once ON delivery_attempt (workspace_id, submission_id) WHERE outcome = 'accepted';

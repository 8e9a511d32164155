-- Caps and queues: how much of each cap is taken, and by whom.

-- How much of a cap is taken in one window of time: the sum of the places below. Its row is locked while places are given out, so
-- that leads that race take turns. No foreign key to the campaign, for the reason given at lead.
CREATE TABLE cap_window (
    workspace_id UUID NOT NULL,
    campaign_id  UUID NOT NULL,
    -- Period and unit: daily.leads, monthly.USD.
    cap          TEXT NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    -- Leads, or minor units of money.
    taken        BIGINT NOT NULL,
    -- When a lead first found it full.
    full_at      TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, campaign_id, cap, window_start),
    CONSTRAINT cap_is_not_below_nothing CHECK (taken >= 0)
);

-- A submission's place in a cap's window. Taken with the intent to send, given back when the buyer surely has not got the lead, and
-- confirmed when it has.
CREATE TABLE cap_place (
    workspace_id  UUID NOT NULL,
    submission_id UUID NOT NULL,
    cap           TEXT NOT NULL,
    campaign_id   UUID NOT NULL,
    window_start  TIMESTAMPTZ NOT NULL,
    -- 1 for a cap on leads; for money what is reserved, then the price.
    amount        BIGINT NOT NULL,
    confirmed_at  TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, submission_id, cap),
    CONSTRAINT place_is_of_a_submission FOREIGN KEY (workspace_id, submission_id) REFERENCES submission (workspace_id, id),
    CONSTRAINT place_counts_for_something CHECK (amount >= 0)
);

-- How much of a window have buyers confirmed?
CREATE INDEX cap_place_by_window ON cap_place (campaign_id, cap, window_start);

-- Which leads wait for their campaign's room, oldest first?
CREATE INDEX submission_queued ON submission (campaign_id, id) WHERE run = 'parked' AND stage = 'delivery';
-- Which of them are to be looked at? (the queue sweep)
CREATE INDEX submission_queued_due ON submission (due_at) WHERE run = 'parked' AND stage = 'delivery';

-- One trip of a lead through the nine stages towards one campaign, and the story of it.
-- The row is the truth about its job; the queue only rings the bell.

CREATE TABLE submission (
    workspace_id      UUID NOT NULL,
    id                UUID NOT NULL,
    lead_id           UUID NOT NULL,
    -- 1 for a lead's first submission, then 2, 3, …
    number            BIGINT NOT NULL,
    -- Why it exists: standard, repost, manual_delivery or fallback.
    kind              TEXT NOT NULL,
    -- Towards which campaign, by which revision of it. Routing may change both. No foreign key, for the reason given at lead.
    campaign_id       UUID NOT NULL,
    revision          BIGINT NOT NULL,
    -- The submission whose campaign's fallback list led here (the first of the family).
    parent_id         UUID,
    -- ready: a stage job is open; parked: waits for an outside action; held: the buyer may have taken the lead and nobody knows;
    -- failed: an operator must look; finished.
    run               TEXT NOT NULL,
    -- The stage that is open, or was last.
    stage             TEXT NOT NULL,
    -- Grows with every move: a job or a worker with another number is late and changes nothing.
    generation        BIGINT NOT NULL,
    -- How often this stage was tried before.
    attempt           BIGINT NOT NULL,
    -- If this generation is still open then, its job is pushed (again).
    due_at            TIMESTAMPTZ,
    -- The public word, computed from run, stage and outcome.
    status            TEXT NOT NULL,
    -- How it ended, or will end when no fallback takes the lead.
    outcome           TEXT,
    -- Why, in a stable code and in a sentence.
    reason_code       TEXT,
    reason            TEXT,
    -- What earlier stages hand to later ones.
    carry             JSONB NOT NULL,
    -- What failed jobs have in common, so that they can be counted and retried together.
    error_fingerprint TEXT,
    created_at        TIMESTAMPTZ NOT NULL,
    updated_at        TIMESTAMPTZ NOT NULL,
    finished_at       TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    -- A stage job on the queue names the submission only.
    CONSTRAINT submission_id_is_unique UNIQUE (id),
    -- A lead's id is unique across workspaces, and so is this.
    CONSTRAINT submission_number_is_unique UNIQUE (lead_id, number),
    CONSTRAINT submission_is_of_a_lead FOREIGN KEY (workspace_id, lead_id) REFERENCES lead (workspace_id, id),
    CONSTRAINT submission_run_is_known CHECK (run IN ('ready', 'parked', 'held', 'failed', 'finished')),
    CONSTRAINT submission_kind_is_known CHECK (kind IN ('standard', 'repost', 'manual_delivery', 'fallback')),
    CONSTRAINT open_or_parked_has_a_due_time CHECK ((run IN ('ready', 'parked')) = (due_at IS NOT NULL)),
    CONSTRAINT finished_has_a_time CHECK ((run = 'finished') = (finished_at IS NOT NULL)),
    CONSTRAINT finished_has_an_outcome CHECK (run <> 'finished' OR outcome IS NOT NULL),
    CONSTRAINT failed_has_a_fingerprint CHECK (run <> 'failed' OR error_fingerprint IS NOT NULL)
);
-- What is due? (the due sweep)
CREATE INDEX submission_due ON submission (due_at) WHERE run IN ('ready', 'parked');
-- What must an operator look at?
CREATE INDEX submission_stuck ON submission (workspace_id, updated_at) WHERE run IN ('failed', 'held');
-- A family of fallbacks tries each campaign once.
CREATE UNIQUE INDEX fallback_tries_each_campaign_once ON submission (workspace_id, parent_id, campaign_id) WHERE parent_id IS NOT NULL;

-- What happened to a submission. Rows are added in the transaction that changes the submission, never changed.
-- No foreign key: the insert follows a guarded update of the very submission, and this table has most of all rows.
CREATE TABLE journey_event (
    workspace_id  UUID NOT NULL,
    submission_id UUID NOT NULL,
    -- The submission's generation after the event.
    generation    BIGINT NOT NULL,
    -- Where it happened; accepted for the first event.
    stage         TEXT NOT NULL,
    -- What was said: passed, refused, parked, again, stuck, sold, …
    verdict       TEXT NOT NULL,
    reason_code   TEXT NOT NULL,
    reason        TEXT NOT NULL,
    -- Which try of the stage, from 0.
    attempt       BIGINT NOT NULL,
    -- Values compared, answers received: what explains the verdict.
    details       JSONB,
    duration_us   BIGINT NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, submission_id, generation)
);

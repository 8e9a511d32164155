-- What is known of an endpoint beyond its campaign: its circuit breaker, questions about deliveries whose outcome nobody knows, and
-- notices for people.

-- Things that people must know. Rows are added in the transaction that they tell of; only the count of repeats grows.
CREATE TABLE notice (
    workspace_id UUID NOT NULL,
    -- Newer ones sort after older ones.
    id           UUID NOT NULL,
    campaign_id  UUID,
    -- cap_hit, breaker_opened, answer_unclassified, … No CHECK: a later feature brings kinds of its own, and SQLite cannot change one.
    kind         TEXT NOT NULL,
    -- What it is about, so that a repeat does not flood: one notice an opening, a cap's day, an endpoint's hour.
    subject      TEXT NOT NULL,
    message      TEXT NOT NULL,
    details      JSONB,
    -- How often it was raised, and when first and last.
    times        BIGINT NOT NULL,
    at           TIMESTAMPTZ NOT NULL,
    last_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    -- The subject first: see "one way to a row" in the README.
    CONSTRAINT notice_is_raised_once UNIQUE (subject, workspace_id),
    CONSTRAINT notice_has_words CHECK (kind <> '' AND subject <> '' AND message <> ''),
    CONSTRAINT notice_was_raised CHECK (times >= 1)
);
-- The notices of one campaign.
CREATE INDEX notice_of_campaign ON notice (campaign_id, id) WHERE campaign_id IS NOT NULL;

-- The circuit breaker of an endpoint that has failed at some time. An endpoint without a row is well.
CREATE TABLE endpoint_breaker (
    workspace_id UUID NOT NULL,
    campaign_id  UUID NOT NULL,
    -- The endpoint's id within the campaign.
    endpoint     TEXT NOT NULL,
    -- closed: deliveries go out; open: they wait until retry_at; half_open: one probe is under way, at most until retry_at.
    phase        TEXT NOT NULL,
    -- Failures one after the other while closed.
    failures     BIGINT NOT NULL,
    -- How often it opened without having closed in between: each doubles the time.
    openings     BIGINT NOT NULL,
    -- Why it opened: failures, rejects or hand.
    cause        TEXT,
    retry_at     TIMESTAMPTZ,
    -- The fence: grows with every change. A probe is known by the version that it made.
    version      BIGINT NOT NULL,
    -- Since when it is in this phase, and what went wrong last.
    since        TIMESTAMPTZ NOT NULL,
    last_error   TEXT,
    last_error_at TIMESTAMPTZ,
    -- Neither closed nor counting: what workers must know of.
    is_troubled  BOOLEAN NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, endpoint),
    CONSTRAINT breaker_phase_is_known CHECK (phase IN ('closed', 'open', 'half_open')),
    CONSTRAINT breaker_cause_is_known CHECK (cause IN ('failures', 'rejects', 'hand')),
    CONSTRAINT closed_breaker_has_no_cause CHECK ((phase = 'closed') = (cause IS NULL)),
    CONSTRAINT closed_breaker_has_no_time CHECK ((phase = 'closed') = (retry_at IS NULL)),
    CONSTRAINT open_breaker_was_opened CHECK ((phase = 'closed') = (openings = 0)),
    CONSTRAINT breaker_trouble_is_told CHECK (is_troubled = (phase <> 'closed' OR failures > 0))
);
-- What every worker reads each second.
CREATE INDEX endpoint_breaker_troubled ON endpoint_breaker (campaign_id) WHERE is_troubled;

-- Held deliveries that an endpoint can be asked about. Made with the move to held, gone with the move from it.
CREATE TABLE status_query (
    workspace_id  UUID NOT NULL,
    submission_id UUID NOT NULL,
    -- The submission's generation while it is held.
    generation    BIGINT NOT NULL,
    campaign_id   UUID NOT NULL,
    endpoint      TEXT NOT NULL,
    -- How often the buyer was asked.
    asked         BIGINT NOT NULL,
    -- When it is asked (again); none: it was asked often enough, and a person must find out.
    due_at        TIMESTAMPTZ,
    -- What came of asking last.
    said          TEXT,
    PRIMARY KEY (workspace_id, submission_id),
    CONSTRAINT query_is_about_a_submission FOREIGN KEY (workspace_id, submission_id) REFERENCES submission (workspace_id, id)
);
-- What is due? (the status query sweep)
CREATE INDEX status_query_due ON status_query (due_at) WHERE due_at IS NOT NULL;

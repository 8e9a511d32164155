-- Who is told what happens to leads, what they are told, and what came of it.

-- An address of the workspace, or of one campaign. For an event that addresses of the lead's campaign want, those of the workspace are
-- left out.
CREATE TABLE webhook (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    -- NULL: the workspace's.
    campaign_id    UUID,
    name           TEXT NOT NULL,
    url            TEXT NOT NULL,
    -- A list of event names.
    events         JSONB NOT NULL,
    -- By name: headers that go with every message. No secrets.
    headers        JSONB NOT NULL,
    retries        BIGINT NOT NULL,
    timeout_s      BIGINT NOT NULL,
    -- Sealed with the workspace's data key; the one before it still signs until then.
    secret         TEXT NOT NULL,
    old_secret     TEXT,
    old_until      TIMESTAMPTZ,
    -- on; off: a person's word; paused: it failed for too long; gone: it answered 410.
    state          TEXT NOT NULL,
    problem        TEXT,
    -- Since when it has only failed, and how many attempts in a row.
    failing_since  TIMESTAMPTZ,
    failures       BIGINT NOT NULL,
    -- While it is paused: when the next message tries whether it is back, how many have, and the last of them.
    probe_at       TIMESTAMPTZ,
    probes         BIGINT NOT NULL,
    probed         UUID,
    -- Messages may be held for it.
    holds          BOOLEAN NOT NULL,
    created_at     TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT webhook_id_is_unique UNIQUE (id),
    CONSTRAINT webhook_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT webhook_state_is_known CHECK (state IN ('on', 'off', 'paused', 'gone')),
    CONSTRAINT webhook_retries_are_few CHECK (retries BETWEEN 1 AND 10),
    CONSTRAINT webhook_timeout_is_short CHECK (timeout_s BETWEEN 1 AND 120),
    CONSTRAINT paused_webhook_is_probed CHECK ((state = 'paused') = (probe_at IS NOT NULL)),
    CONSTRAINT webhook_that_rests_may_hold CHECK (state = 'on' OR holds)
);
CREATE INDEX webhook_to_probe ON webhook (probe_at) WHERE probe_at IS NOT NULL;
CREATE INDEX webhook_to_release ON webhook (id) WHERE holds;

-- One message to one address. Written in the transaction in which the event happens. Who the lead is, is read when it is sent.
CREATE TABLE webhook_message (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    webhook_id     UUID NOT NULL,
    event          TEXT NOT NULL,
    campaign_id    UUID,
    contact_id     UUID,
    lead_id        UUID,
    submission_id  UUID,
    -- What happened, without who it happened to: statuses, codes.
    facts          JSONB NOT NULL,
    -- waiting; held: its address is off, paused or gone; done; failed.
    state          TEXT NOT NULL,
    -- The fence: how often it was posted, or was to be.
    attempt        BIGINT NOT NULL,
    -- Those of them that count towards the retries: probes do not, and a replay begins anew. And when the first of them was.
    tries          BIGINT NOT NULL,
    tried_at       TIMESTAMPTZ,
    due_at         TIMESTAMPTZ,
    problem        TEXT,
    -- When the event happened.
    at             TIMESTAMPTZ NOT NULL,
    -- The same, or when somebody last asked for it once more.
    asked_at       TIMESTAMPTZ NOT NULL,
    finished_at    TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    -- A job on the queue names the message only.
    CONSTRAINT webhook_message_id_is_unique UNIQUE (id),
    CONSTRAINT webhook_message_state_is_known CHECK (state IN ('waiting', 'held', 'done', 'failed')),
    CONSTRAINT waiting_message_has_a_due_time CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CONSTRAINT finished_message_has_its_time CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX webhook_message_due ON webhook_message (due_at) WHERE due_at IS NOT NULL;
-- What was an address told, newest first?
CREATE INDEX webhook_message_by_webhook ON webhook_message (webhook_id, at, id);
-- How much is under way to an address?
CREATE INDEX webhook_message_waiting ON webhook_message (webhook_id) WHERE state = 'waiting';
-- What waits for an address to come back, oldest first, and what has waited for too long?
CREATE INDEX webhook_message_held ON webhook_message (webhook_id, at, id) WHERE state = 'held';
CREATE INDEX webhook_message_held_since ON webhook_message (asked_at) WHERE state = 'held';
-- What can be forgotten?
CREATE INDEX webhook_message_finished ON webhook_message (finished_at) WHERE finished_at IS NOT NULL;
-- What is there of an erased person?
CREATE INDEX webhook_message_by_contact ON webhook_message (contact_id) WHERE contact_id IS NOT NULL;

-- One try. Rows are added, never changed.
CREATE TABLE webhook_attempt (
    workspace_id   UUID NOT NULL,
    message_id     UUID NOT NULL,
    attempt        BIGINT NOT NULL,
    -- The status of the answer; NULL: there was none.
    status         BIGINT,
    -- The beginning of what was answered, or why nothing was.
    answer         TEXT NOT NULL,
    duration_us    BIGINT NOT NULL,
    at             TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, message_id, attempt)
);

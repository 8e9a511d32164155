-- Calls, texts and reviews: with whom people are reached, what was said, and whom nobody may reach.

-- An account with a provider that calls or texts people. Its webhooks come to a URL that names the id.
CREATE TABLE agent (
    workspace_id UUID NOT NULL,
    id           UUID NOT NULL,
    -- How campaigns name it.
    name         TEXT NOT NULL,
    -- As the API takes it; credentials are names of secrets.
    config       JSONB NOT NULL,
    -- Grows with each save.
    revision     BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, name),
    -- A webhook knows no workspace: it finds it.
    CONSTRAINT agent_id_is_unique UNIQUE (id),
    CONSTRAINT agent_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);

-- Which agents name a secret: one that is used cannot go, and an agent cannot name one that is not there.
CREATE TABLE agent_secret (
    workspace_id UUID NOT NULL,
    secret_name  TEXT NOT NULL,
    agent_name   TEXT NOT NULL,
    PRIMARY KEY (workspace_id, secret_name, agent_name),
    CONSTRAINT agent_use_is_of_a_secret FOREIGN KEY (workspace_id, secret_name) REFERENCES secret (workspace_id, name),
    CONSTRAINT agent_use_is_by_an_agent FOREIGN KEY (workspace_id, agent_name) REFERENCES agent (workspace_id, name)
);

-- Which campaigns' newest revisions name an agent. Written with the revision, as for secrets.
CREATE TABLE agent_use (
    workspace_id UUID NOT NULL,
    agent_name   TEXT NOT NULL,
    campaign_id  UUID NOT NULL,
    PRIMARY KEY (workspace_id, agent_name, campaign_id),
    CONSTRAINT campaign_use_is_of_an_agent FOREIGN KEY (workspace_id, agent_name) REFERENCES agent (workspace_id, name),
    CONSTRAINT agent_use_is_by_a_campaign FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign (workspace_id, id)
);
-- What does a campaign use?
CREATE INDEX agent_use_by_campaign ON agent_use (campaign_id, workspace_id);

-- One call, or one thread of texts with a person. The row is the truth about its job, as a submission's is.
CREATE TABLE interaction (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    -- call or sms; outbound: we began; inbound: the person did.
    type          TEXT NOT NULL,
    direction     TEXT NOT NULL,
    lead_id       UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    -- The wait that it is for, if it is for one.
    submission_id UUID,
    park_id       UUID,
    agent_id      UUID NOT NULL,
    provider      TEXT NOT NULL,
    -- Which call of its wait, from 1; 1 for a thread.
    number        BIGINT NOT NULL,
    -- The person's number and ours, E.164; ours may be the agent's own choice.
    phone         TEXT NOT NULL,
    own_phone     TEXT,
    is_test       BOOLEAN NOT NULL,
    -- A call: planned; placing: the provider is asked, or our process died while it was; in_progress; unsure: it may have been
    -- made; ended; not_placed. A thread: open; closed.
    state         TEXT NOT NULL,
    -- Grows with every move: a job with another number is late and changes nothing.
    generation    BIGINT NOT NULL,
    -- How often the present thing was tried.
    tries         BIGINT NOT NULL,
    -- When it is looked at again whatever comes; none: never.
    due_at        TIMESTAMPTZ,
    -- The provider's own id of the call, once it is known.
    reference     TEXT,
    -- What a voice agent is told besides its prompt.
    instructions  TEXT,
    -- How a call ended, and everything that is known of it.
    outcome       TEXT,
    report        JSONB,
    -- Why it was not placed, or what went wrong last.
    error         TEXT,
    opened_at     TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    ended_at      TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT interaction_id_is_unique UNIQUE (id),
    CONSTRAINT interaction_is_of_a_lead FOREIGN KEY (workspace_id, lead_id) REFERENCES lead (workspace_id, id),
    CONSTRAINT interaction_is_known CHECK (type IN ('call', 'sms') AND direction IN ('outbound', 'inbound')),
    CONSTRAINT interaction_state_is_known CHECK (
        (type = 'call' AND state IN ('planned', 'placing', 'in_progress', 'unsure', 'ended', 'not_placed'))
        OR (type = 'sms' AND state IN ('open', 'closed'))
    ),
    CONSTRAINT ended_call_has_an_outcome CHECK (state <> 'ended' OR (outcome IS NOT NULL AND ended_at IS NOT NULL))
);
-- What was said with a lead?
CREATE INDEX interaction_by_lead ON interaction (lead_id);
-- The calls and texts of a wait.
CREATE INDEX interaction_by_park ON interaction (park_id) WHERE park_id IS NOT NULL;
-- What is due? (the outreach sweep)
CREATE INDEX interaction_due ON interaction (due_at) WHERE due_at IS NOT NULL;
-- A webhook names the provider's own id.
CREATE INDEX interaction_by_reference ON interaction (reference) WHERE reference IS NOT NULL;
-- A lead is called once at a time.
CREATE UNIQUE INDEX one_open_call_a_lead ON interaction (lead_id)
    WHERE type = 'call' AND state IN ('planned', 'placing', 'in_progress', 'unsure');
-- A lead has one open thread with an agent, and a text finds it by the person's number.
CREATE UNIQUE INDEX one_open_thread ON interaction (agent_id, phone, lead_id) WHERE type = 'sms' AND state = 'open';

-- One text of a thread.
CREATE TABLE message (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    interaction_id UUID NOT NULL,
    -- agent: we; user: the person.
    role           TEXT NOT NULL,
    -- Who wrote it: manual, api, inbound, sms_agent or system.
    source         TEXT NOT NULL,
    body           TEXT NOT NULL,
    -- Ours: planned; sending: the provider is asked, or our process died while it was; accepted, sent, delivered, failed; unsure: it may have
    -- been sent. The person's: received; handed_on: whoever answers has it.
    state          TEXT NOT NULL,
    -- The provider's own id, once it is known.
    reference      TEXT,
    error          TEXT,
    at             TIMESTAMPTZ NOT NULL,
    updated_at     TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT message_id_is_unique UNIQUE (id),
    CONSTRAINT message_is_of_a_thread FOREIGN KEY (workspace_id, interaction_id) REFERENCES interaction (workspace_id, id),
    CONSTRAINT message_state_is_known CHECK (
        (role = 'agent' AND state IN ('planned', 'sending', 'accepted', 'sent', 'delivered', 'failed', 'unsure'))
        OR (role = 'user' AND state IN ('received', 'handed_on'))
    ),
    CONSTRAINT message_source_is_known CHECK (source IN ('manual', 'api', 'inbound', 'sms_agent', 'system'))
);
CREATE INDEX message_by_thread ON message (interaction_id);
CREATE INDEX message_by_reference ON message (reference) WHERE reference IS NOT NULL;

-- What providers told us: each thing once, whatever became of it. One that comes before we know what it is about waits here.
CREATE TABLE inbound_event (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    agent_id       UUID NOT NULL,
    -- The same for every repeat.
    dedupe_key     TEXT NOT NULL,
    -- What it is about: our own id of a call, or the provider's.
    interaction_id UUID,
    reference      TEXT,
    -- What was said; gone once it has been taken in, for it is about people.
    heard          JSONB,
    received_at    TIMESTAMPTZ NOT NULL,
    read_at        TIMESTAMPTZ,
    -- The agent finds its workspace; keys of other agents are other keys.
    PRIMARY KEY (agent_id, dedupe_key),
    CONSTRAINT inbound_event_id_is_unique UNIQUE (id),
    CONSTRAINT unread_event_says_something CHECK (read_at IS NOT NULL OR heard IS NOT NULL)
);
CREATE INDEX unread_event_by_interaction ON inbound_event (interaction_id) WHERE read_at IS NULL AND interaction_id IS NOT NULL;
CREATE INDEX unread_event_by_reference ON inbound_event (agent_id, reference) WHERE read_at IS NULL;
-- For the sweep that forgets.
CREATE INDEX inbound_event_by_age ON inbound_event (received_at);

-- Whom nobody may reach. No row says who it is: the number is hashed with the workspace's data key, so that the refusal outlives
-- the person's data.
CREATE TABLE suppression (
    workspace_id UUID NOT NULL,
    -- sms, voice or all.
    channel      TEXT NOT NULL,
    -- HMAC-SHA256 of the E.164 number, hexadecimal.
    person_hash  TEXT NOT NULL,
    -- Why: stop (the person's word), provider, call, manual.
    reason       TEXT NOT NULL,
    -- Who or what said so.
    source       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, person_hash, channel),
    CONSTRAINT suppression_channel_is_known CHECK (channel IN ('sms', 'voice', 'all')),
    CONSTRAINT suppression_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);

-- What a campaign has used of its calls and texts on one of its days. Counted before the provider is asked.
CREATE TABLE outreach_budget (
    workspace_id UUID NOT NULL,
    campaign_id  UUID NOT NULL,
    -- The day in the campaign's zone: 2026-11-24.
    day          TEXT NOT NULL,
    calls        BIGINT NOT NULL,
    texts        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, day),
    CONSTRAINT outreach_budget_is_not_negative CHECK (calls >= 0 AND texts >= 0)
);
CREATE INDEX outreach_budget_by_day ON outreach_budget (day);

-- What the deadline does, if it is more than on_deadline can say: retry and fallback came later.
ALTER TABLE parked_action ADD COLUMN at_deadline TEXT
    CONSTRAINT at_deadline_is_known CHECK (at_deadline IN ('continue', 'disqualify', 'reject', 'retry', 'fallback'));
-- A human review: 0 high, 1 normal, 2 low; why it was asked for; who has taken it, and until when.
ALTER TABLE parked_action ADD COLUMN priority BIGINT;
ALTER TABLE parked_action ADD COLUMN asked_for TEXT;
ALTER TABLE parked_action ADD COLUMN claimed_by TEXT;
ALTER TABLE parked_action ADD COLUMN claimed_until TIMESTAMPTZ;
-- A webhook: how often it was posted, and what went wrong last.
ALTER TABLE parked_action ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;
ALTER TABLE parked_action ADD COLUMN last_error TEXT;
-- Which review is next?
CREATE INDEX review_queue ON parked_action (workspace_id, priority, opened_at)
    WHERE kind = 'human_review' AND resolved_at IS NULL;

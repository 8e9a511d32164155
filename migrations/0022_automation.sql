-- Leads that move by themselves: what a campaign reacts to, what was done, and where each lead stands.

-- What a campaign reacts to: scoring, rules, workflows. One document, saved as a whole.
CREATE TABLE automation (
    workspace_id  UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    -- Grows with every save; firings name it.
    revision      BIGINT NOT NULL,
    config        JSONB NOT NULL,
    -- By reaction and workflow that is on: when it appeared, was switched on, or its triggers were changed.
    since         JSONB NOT NULL,
    -- Nothing of it runs while it is off.
    enabled       BOOLEAN NOT NULL,
    -- Why it cannot be evaluated, if so: then it stands still, and nobody else is harmed.
    problem       TEXT,
    -- When the campaign's leads are to be looked at, all of them: after a save, or when the campaign opens again. NULL: that is done.
    pass_due_at   TIMESTAMPTZ,
    -- How far that has come; NULL: it begins.
    pass_after    UUID,
    updated_by    TEXT NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id),
    CONSTRAINT automation_is_of_a_campaign FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign (workspace_id, id)
);
-- Whose leads are to be looked at?
CREATE INDEX automation_pass_due ON automation (pass_due_at) WHERE pass_due_at IS NOT NULL;

-- What it was before: explanations of old firings read it.
CREATE TABLE automation_revision (
    workspace_id  UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    revision      BIGINT NOT NULL,
    config        JSONB NOT NULL,
    saved_by      TEXT NOT NULL,
    saved_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, revision)
);

-- A lead's points, and what reactions remember of it. Beside the lead: it changes often, and a lead's row is wide.
-- The contact's row is locked by whoever writes it, so that two who score the same person wait for each other.
CREATE TABLE lead_automation (
    workspace_id  UUID NOT NULL,
    lead_id       UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    -- The sum of `points` of its firings.
    points        BIGINT NOT NULL,
    -- Its firings so far: the number of the last one.
    number        BIGINT NOT NULL,
    -- By reaction: how often it fired, when last, whether its condition holds, and what for.
    memory        JSONB NOT NULL,
    -- When the clock may next make something of it; too early does no harm, too late never happens. NULL: never.
    due_at        TIMESTAMPTZ,
    -- Since when it has been due while nobody decides about it: its campaign is paused, its automation is off, or it failed.
    held_at       TIMESTAMPTZ,
    updated_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, lead_id),
    CONSTRAINT automation_is_of_a_lead FOREIGN KEY (workspace_id, lead_id) REFERENCES lead (workspace_id, id)
);
-- A row's next version finds room beside it.
{pg: ALTER TABLE lead_automation SET (fillfactor = 70);}
-- What is due? Nothing else about leads is read by the clock.
CREATE INDEX lead_automation_due ON lead_automation (due_at) WHERE due_at IS NOT NULL;

-- Where a lead stands in a workflow.
CREATE TABLE workflow_position (
    workspace_id  UUID NOT NULL,
    lead_id       UUID NOT NULL,
    workflow_id   TEXT NOT NULL,
    campaign_id   UUID NOT NULL,
    -- The step that it waits at.
    step_id       TEXT NOT NULL,
    -- Where in the list that step was, for the day on which it is taken out.
    step_number   BIGINT NOT NULL,
    -- When it goes on.
    due_at        TIMESTAMPTZ NOT NULL,
    entered_at    TIMESTAMPTZ NOT NULL,
    moved_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, lead_id, workflow_id),
    CONSTRAINT position_is_of_a_lead FOREIGN KEY (workspace_id, lead_id) REFERENCES lead (workspace_id, id)
);
-- How many leads wait at each step?
CREATE INDEX workflow_position_by_step ON workflow_position (campaign_id, workflow_id, step_id);

-- What was done to a lead, and why. Rows are added, never changed. No foreign key: it follows a write of the lead's own row, and there
-- are more of these than of anything else.
CREATE TABLE firing (
    workspace_id  UUID NOT NULL,
    lead_id       UUID NOT NULL,
    -- 1, 2, 3, …
    number        BIGINT NOT NULL,
    campaign_id   UUID NOT NULL,
    -- The revision of the automation; 0 for what a person did.
    revision      BIGINT NOT NULL,
    -- scoring, rule, workflow, decay or by_hand.
    kind          TEXT NOT NULL,
    -- The reaction's id and name; empty for what a person did.
    rule_id       TEXT NOT NULL,
    rule_name     TEXT NOT NULL,
    -- What happened that made it fire.
    cause         JSONB NOT NULL,
    -- The fields that its condition reads, and their values then.
    facts         JSONB NOT NULL,
    -- Points added or taken, and the sum after it.
    points        BIGINT NOT NULL,
    points_after  BIGINT NOT NULL,
    status_before TEXT NOT NULL,
    status_after  TEXT NOT NULL,
    -- What was done, in order: what it was before, what after, or why it was left.
    actions       JSONB NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, lead_id, number),
    CONSTRAINT firing_kind_is_known CHECK (kind IN ('scoring', 'rule', 'workflow', 'decay', 'by_hand'))
);

-- What happened to contacts in bulk, waiting to be reacted to. Rows go in the transaction that reacts.
CREATE TABLE automation_pending (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    contact_id    UUID NOT NULL,
    -- As the program writes what happened.
    happened      JSONB NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX automation_pending_by_age ON automation_pending (at);
-- What waits for a contact that is merged or erased?
CREATE INDEX automation_pending_by_contact ON automation_pending (contact_id);

-- What a firing wants of the outside: webhooks to post, leads to repost, pushes to a CRM. The row is the truth, the queue rings the bell.
CREATE TABLE automation_job (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    lead_id       UUID NOT NULL,
    -- The firing that wanted it, and which of its actions: a firing that is recorded twice is not there twice.
    firing        BIGINT NOT NULL,
    action        BIGINT NOT NULL,
    -- webhook, repost or crm_push.
    kind          TEXT NOT NULL,
    payload       JSONB NOT NULL,
    -- waiting; held: nobody takes it yet; done; failed.
    state         TEXT NOT NULL,
    attempt       BIGINT NOT NULL,
    due_at        TIMESTAMPTZ,
    -- What was wrong last time, or why it is held.
    problem       TEXT,
    created_at    TIMESTAMPTZ NOT NULL,
    finished_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    -- A job on the queue names the row only.
    CONSTRAINT automation_job_id_is_unique UNIQUE (id),
    CONSTRAINT automation_job_is_there_once UNIQUE (workspace_id, lead_id, firing, action),
    CONSTRAINT automation_job_kind_is_known CHECK (kind IN ('webhook', 'repost', 'crm_push')),
    CONSTRAINT automation_job_state_is_known CHECK (state IN ('waiting', 'held', 'done', 'failed')),
    CONSTRAINT waiting_has_a_due_time CHECK ((state = 'waiting') = (due_at IS NOT NULL))
);
CREATE INDEX automation_job_due ON automation_job (due_at) WHERE due_at IS NOT NULL;
-- Which are to be forgotten?
CREATE INDEX automation_job_finished ON automation_job (finished_at) WHERE state = 'done';

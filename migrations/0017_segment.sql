-- Segments: groups of contacts, fixed or by a rule, and the campaigns that they feed.

CREATE TABLE segment (
    workspace_id    UUID NOT NULL,
    id              UUID NOT NULL,
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    -- static: members are added and removed; dynamic: members are those who match the rule.
    kind            TEXT NOT NULL,
    -- The rule of a dynamic segment, and the search it was typed as, if any.
    rule            JSONB,
    search          TEXT,
    -- The zone in which days begin for its rule; NULL: the workspace's.
    timezone        TEXT,
    -- ready: members are right. waiting: to be built. building: a worker does. broken: the rule cannot be evaluated, see problem.
    -- frozen: the plan no longer allows it; members stay as they were.
    state           TEXT NOT NULL,
    problem         TEXT,
    -- Off: members stay as they are.
    is_enabled      BOOLEAN NOT NULL,
    -- Grows by one whenever the definition changes; a build of an older one stops.
    generation      BIGINT NOT NULL,
    -- When it is built (again) by a worker; NULL: not now.
    build_due_at    TIMESTAMPTZ,
    -- A worker has the build until then.
    claimed_until   TIMESTAMPTZ,
    -- Its time-relative conditions were last looked at as of then; NULL: it has none.
    swept_at        TIMESTAMPTZ,
    -- When the clock alone may next change its members.
    flips_at        TIMESTAMPTZ,
    built_at        TIMESTAMPTZ,
    build_ms        BIGINT,
    -- Members after the last build or count.
    member_count    BIGINT NOT NULL,
    created_at      TIMESTAMPTZ NOT NULL,
    updated_at      TIMESTAMPTZ NOT NULL,
    deleted_at      TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT segment_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT segment_kind_is_known CHECK (kind IN ('static', 'dynamic')),
    CONSTRAINT segment_state_is_known CHECK (state IN ('ready', 'waiting', 'building', 'broken', 'frozen')),
    CONSTRAINT dynamic_segment_has_a_rule CHECK ((kind = 'dynamic') = (rule IS NOT NULL)),
    CONSTRAINT waiting_segment_is_due CHECK (state NOT IN ('waiting', 'building') OR build_due_at IS NOT NULL),
    CONSTRAINT broken_segment_says_why CHECK (state <> 'broken' OR problem IS NOT NULL)
);
CREATE UNIQUE INDEX segment_name_is_unique ON segment (workspace_id, name) WHERE deleted_at IS NULL;
-- What is to be built, in all workspaces?
CREATE INDEX segment_to_build ON segment (build_due_at) WHERE build_due_at IS NOT NULL;
-- Whose members may change by the clock alone?
CREATE INDEX segment_to_sweep ON segment (flips_at) WHERE flips_at IS NOT NULL;

-- Who is in a segment. Narrow, and one index: a build writes it for a large part of all contacts.
CREATE TABLE segment_member (
    workspace_id  UUID NOT NULL,
    segment_id    UUID NOT NULL,
    contact_id    UUID NOT NULL,
    added_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, segment_id, contact_id)
);

-- How many members a segment had after each build.
CREATE TABLE segment_count (
    workspace_id  UUID NOT NULL,
    segment_id    UUID NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    members       BIGINT NOT NULL,
    added         BIGINT NOT NULL,
    removed       BIGINT NOT NULL,
    build_ms      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, segment_id, at)
);

-- The segments whose members become leads of a campaign.
CREATE TABLE campaign_segment (
    workspace_id  UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    segment_id    UUID NOT NULL,
    added_at      TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, segment_id),
    CONSTRAINT feeds_a_campaign FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign (workspace_id, id),
    CONSTRAINT fed_by_a_segment FOREIGN KEY (workspace_id, segment_id) REFERENCES segment (workspace_id, id)
);
-- Which campaigns does a segment feed?
CREATE INDEX campaign_by_segment ON campaign_segment (segment_id);

-- Grows with every change of a segment's definition, of a property and of what campaigns are fed: what processes keep in memory is
-- good while it stays the same.
ALTER TABLE workspace ADD COLUMN segment_epoch BIGINT NOT NULL DEFAULT 0;

-- When a campaign takes leads; NULL: no bound. The scheduler activates and pauses it.
ALTER TABLE campaign ADD COLUMN starts_at TIMESTAMPTZ;
ALTER TABLE campaign ADD COLUMN ends_at TIMESTAMPTZ;
-- Leads become qualified the moment they come in. A copy from the newest revision, for intake, as dedup_days is.
ALTER TABLE campaign ADD COLUMN auto_qualify BOOLEAN NOT NULL DEFAULT FALSE;
-- The members of its segments are brought into line with its leads by a worker then; NULL: they are.
ALTER TABLE campaign ADD COLUMN members_due_at TIMESTAMPTZ;
CREATE INDEX campaign_members_due ON campaign (members_due_at) WHERE members_due_at IS NOT NULL;
CREATE INDEX campaign_to_start ON campaign (starts_at) WHERE starts_at IS NOT NULL;
CREATE INDEX campaign_to_end ON campaign (ends_at) WHERE ends_at IS NOT NULL;

-- Where leads may go. A campaign is changed by saving a new revision; a submission keeps the revision it began with.

CREATE TABLE campaign (
    workspace_id UUID NOT NULL,
    id           UUID NOT NULL,
    -- Two to five capital letters or digits, for people and URLs.
    code         TEXT NOT NULL,
    name         TEXT NOT NULL,
    -- active takes leads; paused takes none and can go on; archived is put away.
    state        TEXT NOT NULL,
    -- The newest revision: what new submissions get.
    revision     BIGINT NOT NULL,
    -- Duplicate detection looks back this many days; none: it is off. A copy from the newest revision, for intake.
    dedup_days   BIGINT,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT campaign_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT campaign_code_is_unique UNIQUE (workspace_id, code),
    CONSTRAINT campaign_state_is_known CHECK (state IN ('active', 'paused', 'archived')),
    CONSTRAINT campaign_revision_is_positive CHECK (revision > 0),
    CONSTRAINT dedup_window_is_a_year_at_most CHECK (dedup_days BETWEEN 1 AND 365)
);

-- What a campaign said at one time. Never changed, never deleted while a submission carries it.
CREATE TABLE campaign_revision (
    workspace_id UUID NOT NULL,
    campaign_id  UUID NOT NULL,
    revision     BIGINT NOT NULL,
    -- Rules, first action, computed keys, endpoints, fallback: the whole configuration as the API takes it.
    config       JSONB NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, revision),
    CONSTRAINT revision_belongs_to_a_campaign FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign (workspace_id, id)
);

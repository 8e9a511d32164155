-- What a parked submission waits for, and who may wake it.

CREATE TABLE parked_action (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    submission_id UUID NOT NULL,
    -- voice_ai, sms, human_review or webhook.
    kind          TEXT NOT NULL,
    -- When the wait ends by itself, and what then: continue, disqualify or reject.
    deadline      TIMESTAMPTZ NOT NULL,
    on_deadline   TEXT NOT NULL,
    opened_at     TIMESTAMPTZ NOT NULL,
    -- When the outside was told that we wait. Until then the start is repeated.
    started_at    TIMESTAMPTZ,
    -- How the wait ended, once it has: continue, disqualify, reject or withdrawn (the lead); by a token, a person or the deadline.
    resolution    TEXT,
    resolved_by   TEXT,
    resolved_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT park_is_of_a_submission FOREIGN KEY (workspace_id, submission_id) REFERENCES submission (workspace_id, id),
    CONSTRAINT park_kind_is_known CHECK (kind IN ('voice_ai', 'sms', 'human_review', 'webhook')),
    CONSTRAINT deadline_does_something CHECK (on_deadline IN ('continue', 'disqualify', 'reject')),
    CONSTRAINT resolution_is_whole CHECK (
        (resolution IS NULL) = (resolved_at IS NULL) AND (resolution IS NULL) = (resolved_by IS NULL)
    )
);
-- A submission waits for one thing at a time.
CREATE UNIQUE INDEX one_open_park_a_submission ON parked_action (workspace_id, submission_id) WHERE resolved_at IS NULL;

-- What wakes a park. Only the hash is kept; each time the action is started it gets a token of its own, and all of them stay valid,
-- because a start whose answer was lost may have reached the outside. The first use ends the wait, and so the use of the others.
CREATE TABLE resume_token (
    -- SHA-256 of the token, hexadecimal.
    token_hash   TEXT NOT NULL,
    workspace_id UUID NOT NULL,
    park_id      UUID NOT NULL,
    -- The token finds its park before anything else is known.
    PRIMARY KEY (token_hash),
    CONSTRAINT token_is_of_a_park FOREIGN KEY (workspace_id, park_id) REFERENCES parked_action (workspace_id, id)
);

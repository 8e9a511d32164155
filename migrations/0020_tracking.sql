-- What activities need beside themselves: the types that a workspace uses, and browsers that nobody knows yet.

-- A workspace's types of activities, so that they need not be looked for among all activities; and how many it may make up.
CREATE TABLE activity_type (
    workspace_id  UUID NOT NULL,
    type          TEXT NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, type)
);

-- What did a contact do of one type, newest first?
CREATE INDEX activity_by_type ON activity (contact_id, type, at);

-- A browser that does not belong to anybody yet. Its visits and its identification take this row first: so no visit slips between the
-- identification that moves what is kept and the moment it holds.
CREATE TABLE anonymous_visitor (
    workspace_id  UUID NOT NULL,
    visitor       TEXT NOT NULL,
    -- When it was last heard of.
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, visitor)
);
CREATE INDEX anonymous_visitor_by_age ON anonymous_visitor (at);

-- Asking for a site twice makes one.
CREATE UNIQUE INDEX site_name_is_unique ON tracking_site (workspace_id, name) WHERE revoked_at IS NULL;

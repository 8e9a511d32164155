-- What contacts did: page visits, emails opened and clicked, forms, calls, anything of a workspace's own.

-- Rows are added, never changed.
CREATE TABLE activity (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    contact_id    UUID NOT NULL,
    -- The lead it concerns, if any.
    lead_id       UUID,
    -- page_visit, email_opened, email_clicked, form_submitted, call, sms_reply, or a workspace's own in lower snake case.
    type          TEXT NOT NULL,
    -- What exactly: the page's path, the form's or link's name; '' when the sender gave none.
    name          TEXT NOT NULL,
    data          JSONB NOT NULL,
    -- The sender's own id of it, which makes it safe to send again.
    key           TEXT,
    -- When it happened, and when we learnt it.
    at            TIMESTAMPTZ NOT NULL,
    received_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT activity_is_of_a_contact FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
);
CREATE UNIQUE INDEX activity_key_is_unique ON activity (workspace_id, key) WHERE key IS NOT NULL;
-- What did a contact do, newest first?
CREATE INDEX activity_by_contact ON activity (contact_id, at);

-- Sums of a contact's activities, so that rules need not read them. Beside the contact: activities are many, and its row is wide.
CREATE TABLE activity_sum (
    workspace_id      UUID NOT NULL,
    contact_id        UUID NOT NULL,
    first_seen_at     TIMESTAMPTZ NOT NULL,
    last_activity_at  TIMESTAMPTZ NOT NULL,
    -- By type: {"page_visit": {"count": 3, "lastAt": "…"}}.
    events            JSONB NOT NULL,
    PRIMARY KEY (workspace_id, contact_id),
    CONSTRAINT sum_is_of_a_contact FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
);
-- Who was last active between two times?
CREATE INDEX activity_sum_by_last ON activity_sum (workspace_id, last_activity_at) WHERE last_activity_at IS NOT NULL;

-- How often a contact did something on a day (UTC), for rules that count within a window or by name.
CREATE TABLE activity_day (
    workspace_id  UUID NOT NULL,
    contact_id    UUID NOT NULL,
    type          TEXT NOT NULL,
    name          TEXT NOT NULL,
    -- YYYY-MM-DD.
    day           TEXT NOT NULL,
    times         BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, type, name, day)
);

-- A website that reports page visits. Its key is public: it can only add visits.
CREATE TABLE tracking_site (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    key           TEXT NOT NULL,
    name          TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    revoked_at    TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    -- The one lookup that cannot know the workspace yet: it finds it.
    CONSTRAINT site_key_is_unique UNIQUE (key)
);

-- Visits of people whom the site does not know yet, kept until it does; old ones are forgotten.
CREATE TABLE anonymous_visit (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    -- The browser's own random name.
    visitor       TEXT NOT NULL,
    name          TEXT NOT NULL,
    data          JSONB NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX anonymous_visit_by_visitor ON anonymous_visit (visitor, workspace_id);
CREATE INDEX anonymous_visit_by_age ON anonymous_visit (at);

-- Whom a browser belongs to, once it is known.
CREATE TABLE visitor (
    workspace_id  UUID NOT NULL,
    visitor       TEXT NOT NULL,
    contact_id    UUID NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, visitor)
);

-- Who did what, when, and what it was before and after.

-- What people and keys did. Rows are added in the transaction that does it, never changed.
CREATE TABLE audit_event (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    -- Who: `key NAME`, or `command NAME` of the machine's operator.
    actor          TEXT NOT NULL,
    key_id         UUID,
    -- The request, as its log lines name it.
    request_id     TEXT,
    -- What: `campaign.saved`.
    action         TEXT NOT NULL,
    -- To what: its kind, and its id as the API shows it.
    object_kind    TEXT NOT NULL,
    object_id      TEXT NOT NULL,
    -- What it was and what it is: what changed only, no secrets, nothing that says who a person is.
    before         JSONB,
    after          JSONB,
    at             TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT audit_event_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);
-- What happened to one thing?
CREATE INDEX audit_event_by_object ON audit_event (object_id, id);
-- Where was this done? (Partial, so that a search by id can only take the primary key: see README.md, "one way to a row".)
CREATE INDEX audit_event_by_action ON audit_event (workspace_id, action, id) WHERE action IS NOT NULL;
CREATE INDEX audit_event_by_key ON audit_event (key_id, id) WHERE key_id IS NOT NULL;

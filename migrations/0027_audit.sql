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
    -- What: `campaign.saved`; and what of it stands before the dot.
    action         TEXT NOT NULL,
    area           TEXT NOT NULL,
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
-- What happened last? (Partial, as the others that begin with the workspace: see README.md, "one way to a row".)
CREATE INDEX audit_event_by_time ON audit_event (workspace_id, at, id) WHERE at IS NOT NULL;
-- What happened to one thing?
CREATE INDEX audit_event_by_object ON audit_event (object_id, at, id);
-- Where was this done, and what was done by whom?
CREATE INDEX audit_event_by_action ON audit_event (workspace_id, action, at, id) WHERE action IS NOT NULL;
CREATE INDEX audit_event_by_area ON audit_event (workspace_id, area, at, id) WHERE area IS NOT NULL;
CREATE INDEX audit_event_by_actor ON audit_event (workspace_id, actor, at, id) WHERE actor IS NOT NULL;
CREATE INDEX audit_event_by_key ON audit_event (key_id, at, id) WHERE key_id IS NOT NULL;

-- A line stands as it was written. (Old ones go as a whole, when their workspace keeps them no longer.)
{pg: CREATE FUNCTION audit_event_stands() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'a line of the audit log never changes'; END $$;
CREATE TRIGGER audit_event_stands BEFORE UPDATE ON audit_event FOR EACH STATEMENT EXECUTE FUNCTION audit_event_stands();}
{lite: CREATE TRIGGER audit_event_stands BEFORE UPDATE ON audit_event
    BEGIN SELECT RAISE(ABORT, 'a line of the audit log never changes'); END;}

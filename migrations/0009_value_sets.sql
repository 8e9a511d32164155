-- Value sets: lists that several campaigns share.

CREATE TABLE value_set (
    workspace_id UUID NOT NULL,
    id           UUID NOT NULL,
    -- What rules and accepted values call it; it never changes.
    name         TEXT NOT NULL,
    description  TEXT NOT NULL,
    -- Grows by one with every save; what keeps the set in memory asks for this.
    revision     BIGINT NOT NULL,
    -- [{value, label?, synonyms?}], read whole: membership is tested in memory.
    members      JSONB NOT NULL,
    -- How many values that are, for lists.
    size         BIGINT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    -- A deleted set is not shown and cannot be named any more. Its values stay for submissions under an older campaign revision; a new
    -- set of that name takes the row over.
    deleted_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT value_set_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT value_set_name_is_unique UNIQUE (workspace_id, name),
    CONSTRAINT value_set_revision_is_positive CHECK (revision > 0),
    CONSTRAINT value_set_has_values CHECK (size > 0)
);

-- How long a workspace keeps what.

-- Days after which a kind of data goes; a kind that is not here is kept as long as the installation keeps it.
CREATE TABLE retention (
    workspace_id   UUID NOT NULL,
    -- payloads, journeys, activities, attempts, …
    kind           TEXT NOT NULL,
    days           BIGINT NOT NULL,
    -- How far the sweep has come: nothing older than this is there any more.
    done_until     TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, kind),
    CONSTRAINT retention_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT retention_days_are_sensible CHECK (days BETWEEN 1 AND 3650)
);

-- How long a workspace keeps what.

-- Days after which a kind of data goes; of a kind that is not here the installation's own period holds.
CREATE TABLE retention (
    workspace_id   UUID NOT NULL,
    -- payloads, journeys, activities, attempts, …
    kind           TEXT NOT NULL,
    days           BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind),
    CONSTRAINT retention_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT retention_days_are_sensible CHECK (days BETWEEN 1 AND 3650)
);

-- How far the sweep has come. A walk goes through one table in the order of its ids, which is that of time, and never goes back.
CREATE TABLE retention_walk (
    workspace_id   UUID NOT NULL,
    -- payloads, journeys, calls, texts, …
    walk           TEXT NOT NULL,
    -- Everything up to this id was looked at.
    after_id       UUID NOT NULL,
    -- What is older than this is gone, but for what is in retention_left.
    done_until     TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, walk),
    CONSTRAINT walk_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);

-- What a walk came by and had to leave, because it was not over: looked at again each time, until it is.
CREATE TABLE retention_left (
    workspace_id   UUID NOT NULL,
    walk           TEXT NOT NULL,
    id             UUID NOT NULL,
    PRIMARY KEY (workspace_id, walk, id)
);

-- Old lines of a lead's log are folded: how many there were, the points that they made, and until when. With them, the sum of the log
-- is still the lead's points.
ALTER TABLE lead_automation ADD COLUMN folded BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lead_automation ADD COLUMN folded_points BIGINT NOT NULL DEFAULT 0;
ALTER TABLE lead_automation ADD COLUMN folded_until TIMESTAMPTZ;
-- Which lines are old? A lead goes on reacting for years, so its id does not say. (Partial: see README.md, "one way to a row".)
CREATE INDEX firing_by_time ON firing (workspace_id, at) WHERE at IS NOT NULL;

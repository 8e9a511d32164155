-- What operators and the clock need.

-- Lanes that an operator has paused. A lane that is not here runs.
CREATE TABLE paused_lane (
    lane       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    paused_by  TEXT NOT NULL,
    paused_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (lane)
);

-- Each sweep's last run. Taking the row for a tick is what makes several schedulers do each tick once.
CREATE TABLE sweep (
    name        TEXT NOT NULL,
    -- The tick that was taken last, and by whom.
    tick        TIMESTAMPTZ NOT NULL,
    holder      UUID NOT NULL,
    finished_at TIMESTAMPTZ,
    found       BIGINT,
    duration_us BIGINT,
    PRIMARY KEY (name)
);

-- What the schedulers go by, and how each sweep has been doing.

-- Each sweep as the scheduler that started last has it: its default expression, or the one that the settings give it.
CREATE TABLE sweep_schedule (
    name         TEXT NOT NULL,
    -- In which order sweeps are shown.
    place        BIGINT NOT NULL,
    -- What it does, in a sentence.
    about        TEXT NOT NULL,
    -- A cron expression, seconds first, UTC; NULL: it is off.
    cron         TEXT,
    is_default   BOOLEAN NOT NULL,
    announced_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (name)
);

-- The last sign of life of who took the tick. One that gives none is dead, and its tick is taken again.
ALTER TABLE sweep ADD COLUMN alive_at TIMESTAMPTZ;
-- How many ticks ended since when, and how many of those failed.
ALTER TABLE sweep ADD COLUMN runs BIGINT;
ALTER TABLE sweep ADD COLUMN failures BIGINT;
ALTER TABLE sweep ADD COLUMN counted_since TIMESTAMPTZ;
ALTER TABLE sweep ADD COLUMN longest_us BIGINT;
-- Why a tick failed last, and when; kept when later ones do not. The last tick failed if it is finished and has found NULL.
ALTER TABLE sweep ADD COLUMN last_error TEXT;
ALTER TABLE sweep ADD COLUMN last_error_at TIMESTAMPTZ;

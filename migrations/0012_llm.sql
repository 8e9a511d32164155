-- What a language model was asked and answered, and how much of a campaign's budget that took.

-- Answers are remembered for a month: the next lead that says the same costs nothing. No row holds what the lead said.
CREATE TABLE model_answer (
    workspace_id  UUID NOT NULL,
    -- SHA-256, hexadecimal, of everything the answer depends on: server, model, label, accepted values, format, instructions, given value.
    digest        TEXT NOT NULL,
    -- The accepted value that was chosen; NULL: none of them was meant.
    value         TEXT,
    -- How sure the model was, in thousandths.
    confidence    BIGINT NOT NULL,
    answered_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, digest),
    CONSTRAINT confidence_is_a_share CHECK (confidence >= 0 AND confidence <= 1000)
);
-- For the sweep that forgets.
CREATE INDEX model_answer_by_age ON model_answer (answered_at);

-- What a campaign has used of its budget on one of its days. A call is counted before it is made, so that workers that race for the
-- last one cannot both have it.
CREATE TABLE model_budget (
    workspace_id  UUID NOT NULL,
    campaign_id   UUID NOT NULL,
    -- The day in the campaign's zone: 2026-11-21.
    day           TEXT NOT NULL,
    calls         BIGINT NOT NULL,
    -- Known only after the answer.
    tokens        BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, day),
    CONSTRAINT budget_is_not_negative CHECK (calls >= 0 AND tokens >= 0)
);
-- For the sweep that forgets.
CREATE INDEX model_budget_by_day ON model_budget (day);

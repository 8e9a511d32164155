-- Who uses Leadrail: workspaces, their API keys, and the requests they may safely repeat.

-- One customer's data. Every other row belongs to one.
CREATE TABLE workspace (
    id          UUID NOT NULL,
    name        TEXT NOT NULL,
    -- Which features it may use: standard, premium or enterprise.
    plan        TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT workspace_name_is_unique UNIQUE (name),
    CONSTRAINT workspace_plan_is_known CHECK (plan IN ('standard', 'premium', 'enterprise'))
);

-- A caller's credential. The secret is shown once and only its SHA-256 is kept: it has 190 random bits, so a fast hash is right.
CREATE TABLE api_key (
    workspace_id UUID NOT NULL,
    id           UUID NOT NULL,
    name         TEXT NOT NULL,
    -- The first characters of the key, to recognise it by.
    shown        TEXT NOT NULL,
    -- SHA-256 of the whole key, hexadecimal.
    secret_hash  TEXT NOT NULL,
    -- What it may do: a JSON array of scopes such as leads:write; admin may do everything in its workspace.
    scopes       JSONB NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT key_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    -- The one lookup that cannot know the workspace yet: it finds it.
    CONSTRAINT key_secret_is_unique UNIQUE (secret_hash)
);

-- A request that may be repeated: same key and same body get the first answer again. Written with the effect, in one transaction.
CREATE TABLE idempotency (
    workspace_id UUID NOT NULL,
    -- Method and path, so that one key serves one kind of request.
    route        TEXT NOT NULL,
    -- The caller's Idempotency-Key, at most 255 bytes.
    key          TEXT NOT NULL,
    -- SHA-256 of the body as sent: another body under the same key is refused.
    body_hash    TEXT NOT NULL,
    status       BIGINT NOT NULL,
    answer       JSONB NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, route, key),
    CONSTRAINT repeat_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);
-- Which answers are old enough to forget?
CREATE INDEX idempotency_by_age ON idempotency (created_at);

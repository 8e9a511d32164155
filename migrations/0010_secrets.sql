-- Credentials, encrypted. No value stands here in clear: the key ring that opens it is not in the database.

-- Each workspace's data key, wrapped by a key of the installation's ring. Rotation wraps it anew and leaves what it sealed alone.
CREATE TABLE data_key (
    workspace_id UUID NOT NULL,
    -- Names the key in what it sealed.
    id           UUID NOT NULL,
    -- version:ring key:base64, bound to workspace and id.
    wrapped      TEXT NOT NULL,
    -- Which key of the ring wrapped it.
    ring_key     TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id),
    CONSTRAINT data_key_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);

-- A credential by name. Written and used, never shown.
CREATE TABLE secret (
    workspace_id UUID NOT NULL,
    -- 1 to 64 letters, digits, dots, _ or -.
    name         TEXT NOT NULL,
    -- Another one with every value: an older value put back into the row does not open.
    value_id     UUID NOT NULL,
    -- version:data key:base64, bound to workspace, name and value_id.
    sealed       TEXT NOT NULL,
    -- The last four characters, to recognise it by; none of a short value.
    last_four    TEXT,
    created_at   TIMESTAMPTZ NOT NULL,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, name),
    CONSTRAINT secret_is_sealed_by_a_data_key FOREIGN KEY (workspace_id) REFERENCES data_key (workspace_id),
    CONSTRAINT secret_shows_four_characters_at_most CHECK (LENGTH(last_four) <= 4)
);

-- Which campaigns' newest revisions name a secret. Written with the revision: a secret that is used cannot go, and a campaign cannot
-- name one that is not there.
CREATE TABLE secret_use (
    workspace_id UUID NOT NULL,
    secret_name  TEXT NOT NULL,
    campaign_id  UUID NOT NULL,
    PRIMARY KEY (workspace_id, secret_name, campaign_id),
    CONSTRAINT use_is_of_a_secret FOREIGN KEY (workspace_id, secret_name) REFERENCES secret (workspace_id, name),
    CONSTRAINT use_is_by_a_campaign FOREIGN KEY (workspace_id, campaign_id) REFERENCES campaign (workspace_id, id)
);
-- What does a campaign use?
CREATE INDEX secret_use_by_campaign ON secret_use (campaign_id, workspace_id);

-- An access token that the workers share, and the refresh token that the server gave last.
CREATE TABLE oauth_token (
    workspace_id UUID NOT NULL,
    -- SHA-256 of what the token is asked with: URL, grant, client, scope, audience and the names of the secrets.
    grant_hash   TEXT NOT NULL,
    -- SHA-256 of the secrets' value_ids: a token that was asked with another value is not used.
    made_of      TEXT NOT NULL,
    -- version:data key:base64 of the tokens, bound to workspace, grant_hash and serial; none before the first one.
    sealed       TEXT,
    -- Grows with every token; what was read under an older serial is out of date.
    serial       BIGINT NOT NULL,
    -- When another one is to be fetched; none: when it is refused.
    usable_until TIMESTAMPTZ,
    -- Who fetches one now, and until when nobody else does: some servers take a refresh token once.
    fetcher      UUID,
    fetch_until  TIMESTAMPTZ,
    updated_at   TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, grant_hash),
    CONSTRAINT token_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT fetch_has_an_end CHECK ((fetcher IS NULL) = (fetch_until IS NULL)),
    CONSTRAINT token_serial_counts CHECK (serial >= 0)
);

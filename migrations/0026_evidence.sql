-- What proves that a person agreed to be reached, and whom nobody may reach.

-- What a lead said of consent when it came, or what was said later. Rows are added, never changed, but for erasure. Whose it is, its
-- lead says: it moves with the lead when contacts are merged.
CREATE TABLE consent_evidence (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    lead_id        UUID NOT NULL,
    kind           TEXT NOT NULL,
    -- The certificate's URL or token as it was said, if there is one.
    reference      TEXT,
    -- Why the reference, or the time, is not what it should be; NULL when it is.
    malformed      TEXT,
    -- Everything that was said with it: consent, text shown, page, address, browser.
    detail         JSONB NOT NULL,
    -- When the person agreed, as the source said.
    captured_at    TIMESTAMPTZ,
    -- SHA-256 of what was said, so that the same is kept once a lead; NULL when it was erased.
    digest         TEXT,
    recorded_at    TIMESTAMPTZ NOT NULL,
    -- `api`, `create`, `import`, or who added it.
    recorded_by    TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT consent_evidence_kind_is_known CHECK (kind IN ('tcpa', 'trustedform', 'jornaya', 'other'))
);
CREATE UNIQUE INDEX consent_evidence_says_a_thing_once ON consent_evidence (lead_id, digest);
CREATE INDEX consent_evidence_by_lead ON consent_evidence (lead_id, id);

-- Suppressions of addresses, and such that end. A CHECK cannot be changed on SQLite: the table is made anew and its rows are taken over.
CREATE TABLE suppression_of_any_channel (
    workspace_id UUID NOT NULL,
    -- sms, voice, all (sms and voice), or email.
    channel      TEXT NOT NULL,
    -- HMAC-SHA256 of the E.164 number, or of the address in lower case, hexadecimal.
    person_hash  TEXT NOT NULL,
    -- Why: stop (the person's word), provider, call, consent, opt_out, manual, or what somebody wrote.
    reason       TEXT NOT NULL,
    -- Who or what said so.
    source       TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    -- Until when it stands; NULL for ever.
    expires_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, person_hash, channel),
    CONSTRAINT suppression_channel_is_known CHECK (channel IN ('sms', 'voice', 'all', 'email')),
    CONSTRAINT suppression_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id)
);
INSERT INTO suppression_of_any_channel (workspace_id, channel, person_hash, reason, source, created_at)
    SELECT workspace_id, channel, person_hash, reason, source, created_at FROM suppression;
DROP TABLE suppression;
ALTER TABLE suppression_of_any_channel RENAME TO suppression;

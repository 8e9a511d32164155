-- What proves that a person agreed to be reached.

-- What a lead said of consent when it came, or what was said later. Rows are added, never changed, but for erasure.
CREATE TABLE consent_evidence (
    workspace_id   UUID NOT NULL,
    id             UUID NOT NULL,
    contact_id     UUID NOT NULL,
    lead_id        UUID NOT NULL,
    -- tcpa, trustedform, jornaya or other.
    kind           TEXT NOT NULL,
    -- The certificate's URL or token, if there is one.
    reference      TEXT,
    -- Everything that was said with it: text shown, page, address, agent, time.
    detail         JSONB NOT NULL,
    captured_at    TIMESTAMPTZ,
    recorded_at    TIMESTAMPTZ NOT NULL,
    recorded_by    TEXT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX consent_evidence_by_lead ON consent_evidence (lead_id, id);
CREATE INDEX consent_evidence_by_contact ON consent_evidence (contact_id);

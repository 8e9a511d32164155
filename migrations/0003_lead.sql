-- The people: a contact once per workspace, a lead for each campaign they came to.

CREATE TABLE contact (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    first_name    TEXT,
    last_name     TEXT,
    -- Lower case.
    email         TEXT,
    -- E.164.
    phone         TEXT,
    status        TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT contact_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT contact_status_is_known CHECK (status IN ('active', 'inactive', 'bounced', 'spam', 'deleted'))
);

-- A person is found by either; two submissions at once cannot make two contacts. (Partial, so that a search by id can only take the
-- primary key: see README.md, "one way to a row".)
CREATE UNIQUE INDEX contact_email_is_unique ON contact (workspace_id, email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX contact_phone_is_unique ON contact (workspace_id, phone) WHERE phone IS NOT NULL;

CREATE TABLE lead (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    contact_id    UUID NOT NULL,
    -- The campaign the lead was submitted to; its submissions may go elsewhere. No foreign key: each new lead would lock its campaign's
    -- row, all of them the same one. Intake reads the campaign in the same transaction, and campaigns are never deleted.
    campaign_id   UUID NOT NULL,
    -- active and duplicate leads are processed; the others are not.
    status        TEXT NOT NULL,
    first_name    TEXT NOT NULL,
    last_name     TEXT NOT NULL,
    email         TEXT NOT NULL,
    phone         TEXT NOT NULL,
    -- address, dateOfBirth, country, timezone, questionnaire, customFields, attribution, compliance, files, notes.
    details       JSONB NOT NULL,
    -- Test leads skip duplicate detection.
    is_test       BOOLEAN NOT NULL,
    -- Another lead of the campaign had the same email or phone within the campaign's window.
    is_duplicate  BOOLEAN NOT NULL,
    -- That other lead.
    duplicate_of  UUID,
    -- How it came in: api (submitted) or create (stored only).
    source        TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT lead_is_a_contact FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id),
    CONSTRAINT lead_status_is_known CHECK (status IN ('active', 'qualified', 'rejected', 'duplicate', 'deleted')),
    CONSTRAINT duplicate_names_its_original CHECK (is_duplicate = (duplicate_of IS NOT NULL))
);
-- Which leads does a contact have?
CREATE INDEX lead_by_contact ON lead (contact_id);
-- Which leads does a campaign have, newest first?
CREATE INDEX lead_by_campaign ON lead (campaign_id, id);

-- When a campaign last saw an email or phone. Taking the row is what makes duplicate detection race-proof: of two leads that arrive
-- at once, one finds the other's.
CREATE TABLE dedup_key (
    workspace_id     UUID NOT NULL,
    campaign_id      UUID NOT NULL,
    kind             TEXT NOT NULL,
    value            TEXT NOT NULL,
    lead_id          UUID NOT NULL,
    seen_at          TIMESTAMPTZ NOT NULL,
    -- The lead that had the value before, and when: what the newest arrival is a duplicate of, if that is within the window.
    previous_lead_id UUID,
    previous_seen_at TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, campaign_id, kind, value),
    CONSTRAINT dedup_key_kind_is_known CHECK (kind IN ('email', 'phone')),
    CONSTRAINT previous_sight_is_whole CHECK ((previous_lead_id IS NULL) = (previous_seen_at IS NULL))
);

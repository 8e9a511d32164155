-- What is known of a person beyond name, email and phone; their own fields, notes and history; and what rules and searches read.

-- Texts are trimmed; what is blank is NULL. Country is two capital letters, timezone an IANA name, date_of_birth YYYY-MM-DD.
ALTER TABLE contact ADD COLUMN salutation TEXT;
ALTER TABLE contact ADD COLUMN title TEXT;
ALTER TABLE contact ADD COLUMN company TEXT;
ALTER TABLE contact ADD COLUMN website TEXT;
ALTER TABLE contact ADD COLUMN industry TEXT;
ALTER TABLE contact ADD COLUMN gender TEXT;
ALTER TABLE contact ADD COLUMN street TEXT;
ALTER TABLE contact ADD COLUMN city TEXT;
ALTER TABLE contact ADD COLUMN state TEXT;
ALTER TABLE contact ADD COLUMN zip TEXT;
ALTER TABLE contact ADD COLUMN country TEXT;
ALTER TABLE contact ADD COLUMN timezone TEXT;
ALTER TABLE contact ADD COLUMN date_of_birth TEXT;
ALTER TABLE contact ADD COLUMN number_of_employees BIGINT;
ALTER TABLE contact ADD COLUMN annual_revenue BIGINT;
-- How they came: api, a lead's source, import.
ALTER TABLE contact ADD COLUMN source TEXT;
-- Values of the workspace's own properties, by key. Texts trimmed; dates YYYY-MM-DD; moments RFC 3339 in UTC with six digits of a
-- second, so that they sort as text.
ALTER TABLE contact ADD COLUMN properties JSONB NOT NULL DEFAULT '{}';
-- A list of texts, sorted.
ALTER TABLE contact ADD COLUMN tags JSONB NOT NULL DEFAULT '[]';
-- Channels on which the person does not want to be reached, and until when not at all.
ALTER TABLE contact ADD COLUMN opt_out_email BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE contact ADD COLUMN opt_out_sms BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE contact ADD COLUMN opt_out_phone BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE contact ADD COLUMN opt_out_push BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE contact ADD COLUMN do_not_contact_until TIMESTAMPTZ;
-- Texts as rules compare them (lower case), by name (`firstName`, `p_tier`, `tags`); only those that differ from what is stored.
-- NULL: not made yet (a contact from before this column); migrating makes it.
ALTER TABLE contact ADD COLUMN folded JSONB;
-- The words of names, email, company and notes, lower case, each once, with a blank before and after each.
ALTER TABLE contact ADD COLUMN words TEXT NOT NULL DEFAULT '';
-- Grows by one with every change.
ALTER TABLE contact ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
-- The contact that this one was merged into, if any; this one is deleted then.
ALTER TABLE contact ADD COLUMN merged_into UUID;
ALTER TABLE contact ADD COLUMN erased_at TIMESTAMPTZ;
CREATE INDEX contact_not_folded ON contact (id) WHERE folded IS NULL;
-- Who has these words? SQLite reads them all: it serves one machine.
{pg: CREATE INDEX contact_by_word ON contact USING gin (array_to_tsvector(string_to_array(btrim(words), ' '))) WITH (fastupdate = off) WHERE words <> '';}

-- A field that the workspace made up for its contacts.
CREATE TABLE property (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    -- What rules, searches and payloads call it: `property.<key>`; lower snake case. It never changes.
    key           TEXT NOT NULL,
    name          TEXT NOT NULL,
    description   TEXT NOT NULL,
    kind          TEXT NOT NULL,
    -- Whether rules, segments and searches may read it.
    indexed       BOOLEAN NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT property_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT property_kind_is_known CHECK (kind IN ('text', 'number', 'date', 'datetime', 'boolean', 'list'))
);
CREATE UNIQUE INDEX property_key_is_unique ON property (workspace_id, key) WHERE key IS NOT NULL;

-- What people wrote about a contact.
CREATE TABLE contact_note (
    workspace_id  UUID NOT NULL,
    contact_id    UUID NOT NULL,
    id            UUID NOT NULL,
    text          TEXT NOT NULL,
    written_by    TEXT NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, id),
    CONSTRAINT note_is_about_a_contact FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
);

-- What happened to a contact, beside activities, notes and leads: status, consent, tags, merges. Rows are added in the transaction that
-- changes the contact, never changed.
CREATE TABLE contact_change (
    workspace_id  UUID NOT NULL,
    contact_id    UUID NOT NULL,
    id            UUID NOT NULL,
    -- created, fields, status, consent, tags, merged, erased, segment_added, segment_removed.
    kind          TEXT NOT NULL,
    -- What changed, by field: from and to; or what the kind needs.
    detail        JSONB NOT NULL,
    reason        TEXT NOT NULL,
    changed_by    TEXT NOT NULL,
    at            TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, id),
    CONSTRAINT change_is_of_a_contact FOREIGN KEY (workspace_id, contact_id) REFERENCES contact (workspace_id, id)
);

-- The zone in which days begin for rules on contacts.
ALTER TABLE workspace ADD COLUMN timezone TEXT NOT NULL DEFAULT 'UTC';

-- Files of leads or contacts that are brought in, in parts: a part is read, written and counted in one transaction.

CREATE TABLE import (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    file_name     TEXT NOT NULL,
    -- uploading; ready: the file is here; running; done; failed: it cannot go on; cancelled; undoing; undone.
    state         TEXT NOT NULL,
    -- Purpose, identifier, scope, mapping and the rest, as the program writes it.
    config        JSONB NOT NULL,
    -- The column names of the file.
    header        JSONB NOT NULL,
    -- What parts its fields: one character.
    delimiter     TEXT NOT NULL,
    -- SHA-256 of the file, hexadecimal, once it is here: the same file is not brought in twice by mistake.
    file_hash     TEXT,
    bytes         BIGINT NOT NULL,
    -- Rows of the file, and what became of those that were looked at.
    row_count     BIGINT NOT NULL,
    created       BIGINT NOT NULL,
    updated       BIGINT NOT NULL,
    unchanged     BIGINT NOT NULL,
    skipped       BIGINT NOT NULL,
    failed        BIGINT NOT NULL,
    -- What undoing has taken back, and what it had to leave.
    undone        BIGINT NOT NULL,
    kept          BIGINT NOT NULL,
    -- Up to which of the leads and contacts that it made undoing has come.
    undone_lead   UUID,
    undone_contact UUID,
    -- Grows with every claim: a worker with another number is late and changes nothing.
    generation    BIGINT NOT NULL,
    -- Claims since the last part that went well: one that fails again and again is given up.
    attempt       BIGINT NOT NULL,
    -- When its job is pushed (again), while there is work.
    due_at        TIMESTAMPTZ,
    -- Why it does not go on.
    problem       TEXT,
    created_by    TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    started_at    TIMESTAMPTZ,
    finished_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    -- A job on the queue names the import only.
    CONSTRAINT import_id_is_unique UNIQUE (id),
    CONSTRAINT import_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT import_state_is_known CHECK (
        state IN ('uploading', 'ready', 'running', 'done', 'failed', 'cancelled', 'undoing', 'undone')
    ),
    CONSTRAINT import_at_work_has_a_due_time CHECK ((state IN ('running', 'undoing')) = (due_at IS NOT NULL))
);
CREATE INDEX import_due ON import (due_at) WHERE due_at IS NOT NULL;
-- Which are to be forgotten?
CREATE INDEX import_by_age ON import (updated_at) WHERE due_at IS NULL;
-- Was this very file brought in before?
CREATE INDEX import_by_file ON import (file_hash) WHERE file_hash IS NOT NULL;

-- A part of the file: whole records, as text. The text goes when the part is done.
CREATE TABLE import_part (
    workspace_id  UUID NOT NULL,
    import_id     UUID NOT NULL,
    -- 0, 1, 2, …
    number        BIGINT NOT NULL,
    -- The number of its first record in the file; 1 is the first after the header.
    first_row     BIGINT NOT NULL,
    row_count     BIGINT NOT NULL,
    text          TEXT,
    done_at       TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, import_id, number),
    CONSTRAINT part_is_of_an_import FOREIGN KEY (workspace_id, import_id) REFERENCES import (workspace_id, id),
    CONSTRAINT done_part_has_no_text CHECK ((done_at IS NULL) = (text IS NOT NULL))
);
-- Which part is next?
CREATE INDEX import_part_open ON import_part (import_id, number) WHERE done_at IS NULL;

-- A row that was not taken, why, and what it said: a file of these can be mended and brought in again.
CREATE TABLE import_error (
    workspace_id  UUID NOT NULL,
    import_id     UUID NOT NULL,
    row_number    BIGINT NOT NULL,
    -- A list of {column, field, message}.
    problems      JSONB NOT NULL,
    -- The record as it stands in the file.
    record        TEXT NOT NULL,
    PRIMARY KEY (workspace_id, import_id, row_number),
    CONSTRAINT error_is_of_an_import FOREIGN KEY (workspace_id, import_id) REFERENCES import (workspace_id, id)
);

-- What a lead or contact was before an import changed it, for undoing.
CREATE TABLE import_before (
    workspace_id  UUID NOT NULL,
    import_id     UUID NOT NULL,
    -- lead or contact.
    kind          TEXT NOT NULL,
    object_id     UUID NOT NULL,
    contact_id    UUID NOT NULL,
    -- By field: what it was, and what the import made of it. Changed by two rows: the first `from`, the last `to`.
    fields        JSONB NOT NULL,
    PRIMARY KEY (workspace_id, import_id, kind, object_id),
    CONSTRAINT before_is_of_an_import FOREIGN KEY (workspace_id, import_id) REFERENCES import (workspace_id, id),
    CONSTRAINT before_kind_is_known CHECK (kind IN ('lead', 'contact'))
);
-- What does an erased person leave here?
CREATE INDEX import_before_by_contact ON import_before (contact_id);

-- The import that made them, if one did.
ALTER TABLE lead ADD COLUMN import_id UUID;
ALTER TABLE contact ADD COLUMN import_id UUID;
CREATE INDEX lead_by_import ON lead (import_id, id) WHERE import_id IS NOT NULL;
CREATE INDEX contact_by_import ON contact (import_id, id) WHERE import_id IS NOT NULL;

-- Leads that are to be submitted, many at once: those that were stored only. Taken in steps, in the order of their ids.
CREATE TABLE lead_process (
    workspace_id  UUID NOT NULL,
    id            UUID NOT NULL,
    -- Which leads: as the program writes it.
    filter        JSONB NOT NULL,
    -- running, done, failed or cancelled.
    state         TEXT NOT NULL,
    -- How far it has come.
    after_lead    UUID,
    submitted     BIGINT NOT NULL,
    skipped       BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    due_at        TIMESTAMPTZ,
    problem       TEXT,
    created_by    TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    updated_at    TIMESTAMPTZ NOT NULL,
    finished_at   TIMESTAMPTZ,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT lead_process_id_is_unique UNIQUE (id),
    CONSTRAINT lead_process_belongs_to_a_workspace FOREIGN KEY (workspace_id) REFERENCES workspace (id),
    CONSTRAINT lead_process_state_is_known CHECK (state IN ('running', 'done', 'failed', 'cancelled')),
    CONSTRAINT running_process_has_a_due_time CHECK ((state = 'running') = (due_at IS NOT NULL))
);
CREATE INDEX lead_process_due ON lead_process (due_at) WHERE due_at IS NOT NULL;

-- What a contact's story, merging and erasing reach by key.

-- A contact's story is read newest first, page by page.
CREATE INDEX contact_change_by_time ON contact_change (contact_id, at);
CREATE INDEX contact_note_by_time ON contact_note (contact_id, at);
-- Which contacts were merged into this one? They are erased with it.
CREATE INDEX contact_by_merge ON contact (merged_into) WHERE merged_into IS NOT NULL;
-- Which browsers belong to a contact?
CREATE INDEX visitor_by_contact ON visitor (contact_id);

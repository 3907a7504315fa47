-- Who says what a request cost: catalog (tokens at list price) or provider. NULL where nobody knows the cost, and for the
-- requests from before. At the end of the table, and without an index, so no more rows are written.
ALTER TABLE requests ADD COLUMN cost_source TEXT;

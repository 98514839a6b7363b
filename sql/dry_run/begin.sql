-- Creates the table of the IDs that the run would add. It is temporary: it ends with the connection.
CREATE TEMP TABLE new_ids (generation_id VARCHAR, requested_at TIMESTAMP);

-- Adds new IDs to those of the dry run, each once.
INSERT INTO new_ids
SELECT
    i.generation_id,
    i.requested_at
FROM incoming AS i
ANTI JOIN new_ids AS n USING (generation_id);

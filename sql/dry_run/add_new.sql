-- Note new IDs, none twice.
INSERT INTO rehearsed
SELECT
    i.generation_id,
    i.requested_at
FROM incoming AS i
ANTI JOIN rehearsed AS r USING (generation_id);

-- Append what came of the batch's asks for content, for generations that have none yet. The range prunes the look-up to the batch's own days.
INSERT INTO main.generation_contents BY NAME
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM main.generation_contents WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);

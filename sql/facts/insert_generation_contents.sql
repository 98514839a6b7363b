-- Appends the contents of the batch's generations that have none stored yet. The range limits the look-up to the
-- batch's own days.
INSERT INTO main.generation_contents BY NAME
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM main.generation_contents WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);

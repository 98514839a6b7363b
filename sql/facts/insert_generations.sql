-- Appends the batch's generations that are not stored yet. The range limits the look-up to the batch's own days.
INSERT INTO main.generations BY NAME
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM main.generations WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);

-- Appends the provider attempts of the batch's generations that have none stored yet. The range limits the look-up to
-- the batch's own days.
INSERT INTO main.provider_attempts BY NAME
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM main.provider_attempts WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);

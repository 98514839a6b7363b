-- Append the attempts of the batch's generations whose attempts are not stored yet. The range prunes the look-up to the batch's own days.
INSERT INTO main.provider_attempts BY NAME
SELECT i.*
FROM incoming AS i
ANTI JOIN (
    SELECT generation_id FROM main.provider_attempts WHERE requested_at BETWEEN $low AND $high
) AS k USING (generation_id);

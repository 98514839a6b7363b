-- What was told before of the generations of `incoming`. The range limits the look-up.
SELECT d.*
FROM main.discovered_generations AS d
SEMI JOIN incoming AS i USING (generation_id)
WHERE d.requested_at BETWEEN $low AND $high;

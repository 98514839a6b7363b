-- Deletes what was told before of the generations of `incoming`, to be replaced. The range limits the look-up.
DELETE FROM main.discovered_generations
WHERE requested_at BETWEEN $low AND $high
  AND generation_id IN (SELECT generation_id FROM incoming);

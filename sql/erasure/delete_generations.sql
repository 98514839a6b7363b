-- Deletes the generations of the chosen IDs.
DELETE FROM main.generations
WHERE (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) IN (
    SELECT (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) FROM chosen
);

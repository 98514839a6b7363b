-- Deletes the contents of the chosen IDs.
DELETE FROM main.generation_contents
WHERE (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) IN (
    SELECT (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) FROM chosen
);

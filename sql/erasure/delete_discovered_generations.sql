-- Deletes what OpenRouter told of the chosen IDs.
DELETE FROM main.discovered_generations
WHERE (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) IN (
    SELECT (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) FROM chosen
);

-- Deletes the provider attempts of the chosen IDs.
DELETE FROM main.provider_attempts
WHERE (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) IN (
    SELECT (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) FROM chosen
);

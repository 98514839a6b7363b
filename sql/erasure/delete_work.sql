-- Deletes the work items of the chosen IDs.
DELETE FROM ops.work
WHERE (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) IN (
    SELECT (generation_id, coalesce(requested_at, TIMESTAMP 'epoch')) FROM chosen
);

-- Chooses the IDs to forget: those older than $before, by the second inside the ID, or by the API's time for IDs
-- without a second.
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT generation_id, requested_at FROM main.generations WHERE coalesce(requested_at, created_at) < $before
UNION
SELECT generation_id, requested_at FROM ops.work WHERE requested_at < $before;

-- What is to be forgotten: IDs whose own second, or for want of it the time the API tells, is earlier.
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT generation_id, requested_at FROM main.generations WHERE coalesce(requested_at, created_at) < $before
UNION
SELECT generation_id, requested_at FROM ops.work WHERE requested_at < $before;

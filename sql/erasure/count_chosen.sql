-- How many rows an erasure of the chosen IDs would delete, by kind.
WITH
keys AS (SELECT generation_id, coalesce(requested_at, TIMESTAMP 'epoch') AS second FROM chosen)
SELECT
    (
        SELECT count(*) FROM main.generations AS t
        SEMI JOIN keys AS k ON k.generation_id = t.generation_id AND k.second = coalesce(t.requested_at, TIMESTAMP 'epoch')
    ) AS generations,
    (
        SELECT count(*) FROM main.provider_attempts AS t
        SEMI JOIN keys AS k ON k.generation_id = t.generation_id AND k.second = coalesce(t.requested_at, TIMESTAMP 'epoch')
    ) AS provider_attempts,
    (
        SELECT count(*) FROM main.generation_contents AS t
        SEMI JOIN keys AS k ON k.generation_id = t.generation_id AND k.second = coalesce(t.requested_at, TIMESTAMP 'epoch')
    ) AS generation_contents,
    (
        SELECT count(*) FROM ops.work AS t
        SEMI JOIN keys AS k ON k.generation_id = t.generation_id AND k.second = coalesce(t.requested_at, TIMESTAMP 'epoch')
    ) AS unsettled;

-- How many of the IDs that a run would add it would ask for.
SELECT count(*)
FROM rehearsed
WHERE coalesce(requested_at, TIMESTAMP '1970-01-01') BETWEEN $since AND $until;

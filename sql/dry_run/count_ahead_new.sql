-- Counts the IDs that the run would add and whose second lies in the future.
SELECT count(*)
FROM new_ids
WHERE requested_at > $latest;

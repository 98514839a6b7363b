-- Books generations under the IDs that find_doubles.sql found for them; NULL: under their own.
UPDATE main.generations AS facts
SET booked_under = found.booked_under
FROM (
    SELECT
        unnest(CAST($ids AS VARCHAR[])) AS generation_id,
        unnest(CAST($booked_under AS VARCHAR[])) AS booked_under
) AS found
WHERE facts.generation_id = found.generation_id;

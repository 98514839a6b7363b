-- The generations that are to be booked under another ID than they are now. A record that several IDs brought is booked
-- once: under the ID that the record itself names, else under the first of those that brought it. All but one of them
-- carry another id than they were asked for, and such answers are few.
WITH odd AS (
    SELECT
        generation_id,
        id AS record,
        booked_under,
        requested_day
    FROM main.generations
    WHERE id <> generation_id
      AND id LIKE 'gen-%'
),

own AS (
    SELECT generation_id AS record
    FROM main.generations
    WHERE generation_id IN (SELECT record FROM odd)
      AND NOT coalesce(id <> generation_id AND id LIKE 'gen-%', false)
),

booked AS (
    SELECT
        odd.generation_id,
        odd.booked_under AS booked_until_now,
        nullif(coalesce(own.record, min(odd.generation_id) OVER (PARTITION BY odd.record)), odd.generation_id) AS booked_under,
        odd.requested_day
    FROM odd
    LEFT JOIN own ON own.record = odd.record
)

SELECT
    generation_id,
    booked_under,
    requested_day
FROM booked
WHERE booked_under IS DISTINCT FROM booked_until_now;

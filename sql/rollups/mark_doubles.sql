-- Marks the generations whose record another ID brought as well, so that it is booked once: under the ID that the
-- record itself names, else under the first of the IDs that brought it. Returns the days of the rows that change. All but
-- one row of a record carry another id than they were asked for, and those are few.
WITH odd AS (
    SELECT
        id AS record,
        min(generation_id) AS first_id
    FROM main.generations
    WHERE id <> generation_id
      AND id LIKE 'gen-%'
    GROUP BY id
),

own AS (
    SELECT generation_id AS record
    FROM main.generations
    WHERE generation_id IN (SELECT record FROM odd)
      AND NOT coalesce(id <> generation_id AND id LIKE 'gen-%', false)
),

booked AS (
    SELECT
        odd.record,
        coalesce(own.record, odd.first_id) AS generation_id
    FROM odd
    LEFT JOIN own ON own.record = odd.record
)

UPDATE main.generations AS facts
SET booked_under = nullif(booked.generation_id, facts.generation_id)
FROM booked
WHERE facts.id = booked.record
  AND facts.id <> facts.generation_id
  AND facts.booked_under IS DISTINCT FROM nullif(booked.generation_id, facts.generation_id)
RETURNING facts.requested_day;

-- CTEs: the rows of main.generation_facts in the period that meet a condition, with their local time: the second of the
-- request plus the UTC offset of that moment; and of these the rows that pass the filters. A legacy ID has only a day; it
-- counts at the beginning of that day.

-- include: teams

in_period AS (
    SELECT
        facts.*,
        facts.requested_at + to_seconds(shifts.seconds) AS local_at,
        shifts.label,
        teams.team
    FROM main.generation_facts AS facts
    JOIN shifts
        ON facts.requested_at >= shifts.begins
        AND facts.requested_at < shifts.ends
    LEFT JOIN teams ON teams.generation_id = facts.generation_id
    WHERE facts.requested_at >= $since
      AND facts.requested_at < $until
      AND {condition}
    UNION ALL
    SELECT
        facts.*,
        CAST(facts.requested_day AS TIMESTAMP) AS local_at,
        NULL AS label,
        teams.team
    FROM main.generation_facts AS facts
    LEFT JOIN teams ON teams.generation_id = facts.generation_id
    WHERE facts.requested_at IS NULL
      AND ($whole OR facts.requested_day BETWEEN $first_midnight AND $last_day)
      AND {condition}
),

timed AS (
    SELECT * FROM in_period
    WHERE
        -- include: chosen dimensions=fact_dimensions
),

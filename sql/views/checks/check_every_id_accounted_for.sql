-- grain: one row per ID that is not exactly one of settled, pending and dead, and one if their number is not that of the IDs taken in; must be empty
CREATE OR REPLACE VIEW main.check_every_id_accounted_for AS
WITH states AS (
    SELECT CAST(requested_at AS DATE) AS requested_day, generation_id, 'settled' AS state FROM main.generations
    UNION ALL
    SELECT CAST(requested_at AS DATE) AS requested_day, generation_id, state FROM ops.work
),

counted AS (
    SELECT
        requested_day,
        generation_id,
        count(*) FILTER (WHERE state = 'settled') AS settled,
        count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'dead') AS dead,
        count(*) AS rows_there
    FROM states
    GROUP BY requested_day, generation_id
    HAVING count(*) <> 1 OR count(*) FILTER (WHERE state IN ('settled', 'pending', 'dead')) <> 1
),

totals AS (
    SELECT
        (SELECT known_ids FROM ops.last_commit) AS taken_in,
        (SELECT count(*) FROM main.generations) + (SELECT count(*) FROM ops.work) AS there
),

final AS (
    SELECT
        requested_day,
        generation_id,
        rows_there || ' rows: ' || settled || ' settled, ' || pending || ' pending, ' || dead || ' dead' AS problem
    FROM counted
    UNION ALL
    SELECT
        NULL AS requested_day,
        NULL AS generation_id,
        abs(taken_in - there) || CASE WHEN taken_in > there THEN ' IDs are missing' ELSE ' IDs too many' END AS problem
    FROM totals
    WHERE taken_in IS DISTINCT FROM there
)

SELECT * FROM final;

COMMENT ON VIEW main.check_every_id_accounted_for IS 'One row per ID that is not exactly one of settled, pending and dead, and one if their number is not that of the IDs taken in. Must be empty.';
COMMENT ON COLUMN main.check_every_id_accounted_for.requested_day IS 'Day of the second inside the ID; NULL for legacy IDs and for the total. Unit: UTC.';
COMMENT ON COLUMN main.check_every_id_accounted_for.generation_id IS 'The ID; NULL for the total.';
COMMENT ON COLUMN main.check_every_id_accounted_for.problem IS 'What is wrong.';

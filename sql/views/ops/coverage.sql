-- grain: one row per source
-- What became of the IDs of each source. An ID counts for the source it was first seen in.
CREATE OR REPLACE VIEW ops.coverage AS
WITH states AS (
    SELECT source, 'settled' AS state FROM main.generations
    UNION ALL
    SELECT source, state FROM ops.work
),

counted AS (
    SELECT
        source,
        count(*) AS ids,
        count(*) FILTER (WHERE state = 'settled') AS settled,
        count(*) FILTER (WHERE state = 'pending') AS pending,
        count(*) FILTER (WHERE state = 'dead') AS dead
    FROM states
    GROUP BY source
),

final AS (
    SELECT
        coalesce(s.source, c.source) AS source,
        s.position AS bytes_read,
        s.complete,
        s.problem,
        s.sightings,
        CAST(coalesce(c.ids, 0) AS BIGINT) AS first_seen_ids,
        CAST(coalesce(c.settled, 0) AS BIGINT) AS settled,
        CAST(coalesce(c.pending, 0) AS BIGINT) AS pending,
        CAST(coalesce(c.dead, 0) AS BIGINT) AS dead,
        s.last_read_at
    FROM ops.sources AS s
    FULL JOIN counted AS c ON s.source = c.source
)

SELECT * FROM final;

COMMENT ON VIEW ops.coverage IS 'One row per source: how far it was read and what became of its IDs. An ID counts for the source it was first seen in.';
COMMENT ON COLUMN ops.coverage.source IS 'A file, a URL, or - for standard input.';
COMMENT ON COLUMN ops.coverage.bytes_read IS 'How far its text was read, decompressed and as UTF-8. Unit: bytes.';
COMMENT ON COLUMN ops.coverage.complete IS 'Whether it was read to its end; false for a truncated or corrupt archive.';
COMMENT ON COLUMN ops.coverage.problem IS 'What was wrong with it; NULL if nothing.';
COMMENT ON COLUMN ops.coverage.sightings IS 'IDs found in it so far; close repetitions count once. Unit: IDs.';
COMMENT ON COLUMN ops.coverage.first_seen_ids IS 'IDs first seen in it: settled + pending + dead. Unit: IDs.';
COMMENT ON COLUMN ops.coverage.settled IS 'Those whose generation is stored. Unit: IDs.';
COMMENT ON COLUMN ops.coverage.pending IS 'Those that a later run asks again. Unit: IDs.';
COMMENT ON COLUMN ops.coverage.dead IS 'Those given up, see ops.dead_letters. Unit: IDs.';
COMMENT ON COLUMN ops.coverage.last_read_at IS 'When it was last read. Unit: UTC.';

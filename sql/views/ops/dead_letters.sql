-- grain: one row per dead ID
-- What was given up, where it came from and why.
CREATE OR REPLACE VIEW ops.dead_letters AS
WITH facts AS (
    SELECT * FROM ops.work
    WHERE state = 'dead'
),

final AS (
    SELECT
        generation_id,
        reason,
        last_status,
        requested_at,
        first_seen_at,
        requests,
        runs,
        source,
        position
    FROM facts
)

SELECT * FROM final;

COMMENT ON VIEW ops.dead_letters IS 'One row per dead ID: what was given up, where it came from and why.';
COMMENT ON COLUMN ops.dead_letters.generation_id IS 'The ID.';
COMMENT ON COLUMN ops.dead_letters.reason IS 'Why it was given up: not_found, bad_response or http_ and a status.';
COMMENT ON COLUMN ops.dead_letters.last_status IS 'Status of its last answer; NULL if none came. Unit: HTTP status.';
COMMENT ON COLUMN ops.dead_letters.requested_at IS 'Second of the request, taken from the ID; NULL for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN ops.dead_letters.first_seen_at IS 'When a run first saw it. Unit: UTC.';
COMMENT ON COLUMN ops.dead_letters.requests IS 'Requests spent on it. Unit: requests.';
COMMENT ON COLUMN ops.dead_letters.runs IS 'Runs in a row that ended with this reason. Unit: runs.';
COMMENT ON COLUMN ops.dead_letters.source IS 'Where it was first seen.';
COMMENT ON COLUMN ops.dead_letters.position IS 'Offset of the ID in the decompressed source. Unit: bytes.';

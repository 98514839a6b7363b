-- grain: one row per generation for which more than one attempt was made
-- Who failed first, who answered in the end, and how long the failures took. The latency of a failed attempt is time
-- that the user waited for nothing.
CREATE OR REPLACE VIEW main.fallbacks AS
WITH attempts AS (
    SELECT * FROM main.provider_attempts
),

facts AS (
    SELECT * FROM main.generation_facts
),

asked AS (
    SELECT
        generation_id,
        requested_at,
        CAST(count(*) AS BIGINT) AS attempt_count,
        CAST(count(*) FILTER (WHERE status IS NULL OR status NOT BETWEEN 200 AND 299) AS BIGINT) AS failed_count,
        arg_min(coalesce(provider_name, ''), attempt) AS first_provider,
        arg_max(coalesce(provider_name, ''), attempt) AS last_provider,
        string_agg(coalesce(CAST(status AS VARCHAR), '?'), ' > ' ORDER BY attempt) AS statuses,
        sum(latency) FILTER (WHERE status IS NULL OR status NOT BETWEEN 200 AND 299) AS failed_ms
    FROM attempts
    GROUP BY generation_id, requested_at
    HAVING count(*) > 1
),

final AS (
    SELECT
        asked.generation_id,
        asked.requested_at,
        facts.model,
        nullif(asked.first_provider, '') AS first_provider,
        nullif(asked.last_provider, '') AS last_provider,
        asked.attempt_count,
        asked.failed_count,
        asked.statuses,
        asked.failed_ms,
        facts.duration_ms,
        facts.status,
        facts.total_usage
    FROM asked
    JOIN facts
        ON facts.generation_id = asked.generation_id
        AND facts.requested_at IS NOT DISTINCT FROM asked.requested_at
)

SELECT * FROM final;

COMMENT ON VIEW main.fallbacks IS 'One row per generation for which more than one attempt was made: who failed, who answered in the end, and what the failures cost in time.';
COMMENT ON COLUMN main.fallbacks.generation_id IS 'The ID.';
COMMENT ON COLUMN main.fallbacks.requested_at IS 'Second of the request; NULL for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN main.fallbacks.model IS 'Model that answered.';
COMMENT ON COLUMN main.fallbacks.first_provider IS 'Provider asked first; NULL if not named.';
COMMENT ON COLUMN main.fallbacks.last_provider IS 'Provider asked last; NULL if not named.';
COMMENT ON COLUMN main.fallbacks.attempt_count IS 'Attempts made, at the same provider or another. Unit: attempts.';
COMMENT ON COLUMN main.fallbacks.failed_count IS 'Those that did not answer 2xx. Unit: attempts.';
COMMENT ON COLUMN main.fallbacks.statuses IS 'Their HTTP statuses in order, such as 429 > 200; ? where none came.';
COMMENT ON COLUMN main.fallbacks.failed_ms IS 'Time that the failed attempts took, added up; NULL if none told. Unit: ms.';
COMMENT ON COLUMN main.fallbacks.duration_ms IS 'Time to the whole answer, see generation_facts. Unit: ms.';
COMMENT ON COLUMN main.fallbacks.status IS 'How the generation ended: completed, cancelled, failed, filtered or truncated.';
COMMENT ON COLUMN main.fallbacks.total_usage IS 'What it cost in all. Unit: USD.';

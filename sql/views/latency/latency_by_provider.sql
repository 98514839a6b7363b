-- grain: one row per provider with a measured completion
-- Cancelled and failed generations, response-cache hits and everything but completions are left out:
-- their durations say nothing of the speed that a user sees.
CREATE OR REPLACE VIEW main.latency_by_provider AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE is_measured
),

measured AS (
    SELECT
        provider_name,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: latency_samples
        -- include: duration_samples
    FROM facts
    GROUP BY provider_name
),

final AS (
    SELECT
        provider_name,
        request_count,
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM measured
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_by_provider IS 'One row per provider with a measured completion: how fast it was over all of history. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are those of the nearest rank; the sample is named beside each.';
COMMENT ON COLUMN main.latency_by_provider.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.latency_by_provider.request_count IS 'Generations measured. Unit: generations.';
-- include: latency_comments relation=main.latency_by_provider
-- include: duration_comments relation=main.latency_by_provider

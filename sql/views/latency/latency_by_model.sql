-- grain: one row per model with a measured completion
-- Cancelled and failed generations, response-cache hits and everything but completions are left out:
-- their durations say nothing of the speed that a user sees.
CREATE OR REPLACE VIEW main.latency_by_model AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE is_measured
),

measured AS (
    SELECT
        model,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: latency_samples
        -- include: duration_samples
    FROM facts
    GROUP BY model
),

final AS (
    SELECT
        model,
        request_count,
        -- include: latency_quantiles
        -- include: duration_quantiles
    FROM measured
)

SELECT * FROM final;

COMMENT ON VIEW main.latency_by_model IS 'One row per model with a measured completion: how fast it was over all of history. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are those of the nearest rank; the sample is named beside each.';
COMMENT ON COLUMN main.latency_by_model.model IS 'Model that answered; NULL where the answer named none.';
COMMENT ON COLUMN main.latency_by_model.request_count IS 'Generations measured. Unit: generations.';
-- include: latency_comments relation=main.latency_by_model
-- include: duration_comments relation=main.latency_by_model

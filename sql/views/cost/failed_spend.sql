-- grain: one row per model, provider and status other than completed that occurred
-- Money spent on answers that are missing or incomplete: cancelled, failed and filtered ones are lost, while a truncated one
-- was delivered up to its token limit.
CREATE OR REPLACE VIEW main.failed_spend AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

totals AS (
    SELECT
        model,
        provider_name,
        sum(total_usage) AS total_usage
    FROM facts
    GROUP BY model, provider_name
),

broken AS (
    SELECT
        model,
        provider_name,
        status,
        status <> 'truncated' AS is_lost,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(*) FILTER (WHERE total_usage > 0) AS BIGINT) AS paid_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(sum(native_tokens_completion), 0) AS BIGINT) AS tokens_completion
    FROM facts
    WHERE status <> 'completed'
    GROUP BY model, provider_name, status
),

final AS (
    SELECT
        broken.*,
        CAST(broken.total_usage / nullif(totals.total_usage, 0) AS DOUBLE) AS share_of_usage
    FROM broken
    LEFT JOIN totals
        ON totals.model IS NOT DISTINCT FROM broken.model
        AND totals.provider_name IS NOT DISTINCT FROM broken.provider_name
)

SELECT * FROM final;

COMMENT ON VIEW main.failed_spend IS 'One row per model, provider and status other than completed: what was spent on answers that were cancelled, failed, filtered or truncated.';
COMMENT ON COLUMN main.failed_spend.model IS 'Model that answered.';
COMMENT ON COLUMN main.failed_spend.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.failed_spend.status IS 'cancelled, failed, filtered or truncated.';
COMMENT ON COLUMN main.failed_spend.is_lost IS 'Whether there was no answer to use: cancelled, failed or filtered. A truncated one was delivered up to its token limit.';
COMMENT ON COLUMN main.failed_spend.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN main.failed_spend.paid_count IS 'Those that cost money all the same. Unit: generations.';
COMMENT ON COLUMN main.failed_spend.total_usage IS 'What they cost in all. Unit: USD.';
COMMENT ON COLUMN main.failed_spend.tokens_completion IS 'Completion tokens written before the end. Unit: tokens.';
COMMENT ON COLUMN main.failed_spend.share_of_usage IS 'Part of the model''s total_usage at this provider; NULL if that is 0. Unit: 0 to 1.';

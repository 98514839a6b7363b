-- grain: one row per day (UTC), model and provider
-- What the rollup ops.cost_rollup holds, computed from the facts: sums only, so that they can be summed on.
CREATE OR REPLACE VIEW ops.cost_cells AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        requested_day,
        model,
        provider_name,
        -- include: cost_sums_of_facts
        CAST(coalesce(sum(total_usage) FILTER (WHERE is_priced), 0) AS DECIMAL(28, 12)) AS priced_usage,
        CAST(coalesce(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0)) FILTER (WHERE is_priced), 0) AS BIGINT) AS priced_tokens
    FROM facts
    GROUP BY requested_day, model, provider_name
)

SELECT * FROM final;

COMMENT ON VIEW ops.cost_cells IS 'One row per day (UTC), model and provider: sums over the facts. ops.cost_rollup holds the same rows, ready made at each publish.';
COMMENT ON COLUMN ops.cost_cells.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN ops.cost_cells.model IS 'Model that answered.';
COMMENT ON COLUMN ops.cost_cells.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
-- include: cost_comments relation=ops.cost_cells count=request_count
COMMENT ON COLUMN ops.cost_cells.priced_usage IS 'total_usage of the generations whose cost and tokens are both known, without response-cache hits: see is_priced of generation_facts. Unit: USD.';
COMMENT ON COLUMN ops.cost_cells.priced_tokens IS 'Prompt and completion tokens of the same generations as priced_usage. Unit: tokens.';

-- How the cost of a period differs from that of an earlier one, by up to three dimensions, and why; parts and $top as in
-- reports/cost.sql. The other parameters are those of the span that holds both periods, and $periods has their bounds.
--
-- The change is explained piece by piece: a piece is what one model by one provider cost for one value of each dimension.
-- Its quantity is tokens; of charges without tokens it is requests. For each piece
--     volume = its earlier cost times the growth of all tokens (of all requests, if there were no tokens)
--     price  = its cost, less its earlier cost times the growth of its own quantity; 0 unless it has both
--     mix    = the remainder of the change.
-- Amounts are whole picodollars, so that nothing is lost: the three add up to the change in every row.
-- include: period_shifts

periods AS (
    SELECT unnest(
        CAST($periods AS STRUCT(is_earlier BOOLEAN, since TIMESTAMP, until TIMESTAMP, first_midnight DATE, last_day DATE)[]),
        recursive := true
    )
),

-- include: period_facts condition=true

measured AS (
    SELECT
        timed.*,
        periods.is_earlier,
        CAST(timed.total_usage * 1000000000000 AS HUGEINT) AS picodollars,
        coalesce(timed.native_tokens_prompt, 0) + coalesce(timed.native_tokens_completion, 0) AS tokens,
        timed.cost_basis NOT IN ('response_cache', 'unknown', 'byok_unknown') AS is_known
    FROM timed
    JOIN periods
        ON (timed.requested_at >= periods.since AND timed.requested_at < periods.until)
        OR (timed.requested_at IS NULL AND timed.requested_day BETWEEN periods.first_midnight AND periods.last_day)
),

pieces AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        model,
        provider_name,
        is_known,
        tokens > 0 AS has_tokens,
        min(coalesce(requested_at, local_at)) AS began,
        count(*) FILTER (WHERE is_earlier) AS earlier_requests,
        count(*) FILTER (WHERE NOT is_earlier) AS requests,
        CAST(coalesce(sum(tokens) FILTER (WHERE is_earlier AND is_known), 0) AS HUGEINT) AS earlier_tokens,
        CAST(coalesce(sum(tokens) FILTER (WHERE NOT is_earlier AND is_known), 0) AS HUGEINT) AS tokens,
        coalesce(sum(picodollars) FILTER (WHERE is_earlier), 0) AS earlier_cost,
        coalesce(sum(picodollars) FILTER (WHERE NOT is_earlier), 0) AS cost
    FROM measured
    GROUP BY ALL
),

growth AS (
    SELECT
        CASE WHEN sum(earlier_tokens) > 0 THEN sum(earlier_tokens) ELSE sum(earlier_requests) END AS earlier_volume,
        CASE WHEN sum(earlier_tokens) > 0 THEN sum(tokens) ELSE sum(requests) END AS volume
    FROM pieces
),

quantified AS (
    SELECT
        pieces.*,
        CASE WHEN is_known AND has_tokens THEN earlier_tokens ELSE earlier_requests END AS earlier_quantity,
        CASE WHEN is_known AND has_tokens THEN tokens ELSE requests END AS quantity,
        growth.earlier_volume,
        growth.volume - growth.earlier_volume AS more_volume
    FROM pieces
    CROSS JOIN growth
),

explained AS (
    SELECT
        *,
        CASE WHEN earlier_volume > 0 THEN
            -- include: rounded_quotient dividend="(earlier_cost * more_volume)" divisor=earlier_volume
        ELSE cost END AS volume_cost,
        CASE WHEN earlier_quantity > 0 AND quantity > 0 THEN cost -
            -- include: rounded_quotient dividend="(earlier_cost * quantity)" divisor=earlier_quantity
        ELSE 0 END AS price_cost
    FROM quantified
),

cells AS (
    SELECT
        key_1,
        key_2,
        key_3,
        min(began) AS began,
        sum(earlier_requests) AS earlier_requests,
        sum(requests) AS requests,
        sum(earlier_tokens) AS earlier_tokens,
        sum(tokens) AS tokens,
        sum(earlier_cost) AS earlier_cost,
        sum(cost) AS cost,
        sum(volume_cost) AS volume_cost,
        sum(price_cost) AS price_cost
    FROM explained
    GROUP BY key_1, key_2, key_3
),

-- include: top_rows measure="abs(cost - earlier_cost)"

added AS (
    SELECT
        -- include: summed_keys
        CAST(coalesce(sum(earlier_requests), 0) AS BIGINT) AS earlier_request_count,
        CAST(coalesce(sum(requests), 0) AS BIGINT) AS request_count,
        CAST(coalesce(sum(earlier_tokens), 0) AS BIGINT) AS earlier_tokens,
        CAST(coalesce(sum(tokens), 0) AS BIGINT) AS tokens,
        CAST(coalesce(sum(earlier_cost), 0) AS DECIMAL(26, 0)) AS earlier_cost,
        CAST(coalesce(sum(cost), 0) AS DECIMAL(26, 0)) AS cost,
        CAST(coalesce(sum(volume_cost), 0) AS DECIMAL(26, 0)) AS volume_cost,
        CAST(coalesce(sum(price_cost), 0) AS DECIMAL(26, 0)) AS price_cost,
        CAST(0.000000000001 AS DECIMAL(12, 12)) AS picodollar
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
        earlier_request_count,
        request_count,
        earlier_tokens,
        tokens,
        CAST(earlier_cost * picodollar AS DECIMAL(28, 12)) AS earlier_usage,
        CAST(cost * picodollar AS DECIMAL(28, 12)) AS total_usage,
        CAST((cost - earlier_cost) * picodollar AS DECIMAL(28, 12)) AS change_usage,
        CAST((cost - earlier_cost) / nullif(abs(earlier_cost), 0) AS DOUBLE) AS change_share,
        CAST(volume_cost * picodollar AS DECIMAL(28, 12)) AS volume_usage,
        CAST((cost - earlier_cost - volume_cost - price_cost) * picodollar AS DECIMAL(28, 12)) AS mix_usage,
        CAST(price_cost * picodollar AS DECIMAL(28, 12)) AS price_usage
    FROM added
)

-- include: key_order measure="abs(change_usage)"

-- Cost by one dimension: one row per value (part 0), the sum of the rows beyond $top (part 1), and the total (part 2).
-- $ready: the rollup answers whole UTC days by one of its dimensions; everything else is summed from the facts of the
-- period. Local time is the time of the request plus the UTC offset of the zone at that time. Of a legacy ID only the
-- day is known; it counts in the period in which that day begins.
WITH shifts AS (
    SELECT
        unnest(CAST($begins AS TIMESTAMP[])) AS begins,
        unnest(CAST($ends AS TIMESTAMP[])) AS ends,
        unnest(CAST($seconds AS BIGINT[])) AS seconds,
        unnest(CAST($labels AS VARCHAR[])) AS label
),

timed AS (
    SELECT
        facts.*,
        facts.requested_at + to_seconds(shifts.seconds) AS local_at,
        shifts.label
    FROM main.generation_facts AS facts
    JOIN shifts
        ON facts.requested_at >= shifts.begins
        AND facts.requested_at < shifts.ends
    WHERE facts.requested_at >= $since
      AND facts.requested_at < $until
      AND NOT $ready
    UNION ALL
    SELECT
        facts.*,
        CAST(facts.requested_day AS TIMESTAMP) AS local_at,
        NULL AS label
    FROM main.generation_facts AS facts
    WHERE facts.requested_at IS NULL
      AND ($whole OR facts.requested_day BETWEEN $first_midnight AND $last_day)
      AND NOT $ready
),

cells AS (
    SELECT
        CASE $by
            WHEN 'hour' THEN strftime(local_at, '%Y-%m-%dT%H:00') || label
            WHEN 'day' THEN strftime(local_at, '%Y-%m-%d')
            WHEN 'week' THEN strftime(date_trunc('week', local_at), '%Y-%m-%d')
            WHEN 'month' THEN strftime(local_at, '%Y-%m')
            WHEN 'model' THEN model
            WHEN 'author' THEN model_author
            WHEN 'provider' THEN provider_name
            WHEN 'app' THEN CAST(app_id AS VARCHAR)
            WHEN 'user' THEN external_user
            WHEN 'session' THEN session_id
            WHEN 'workspace' THEN workspace_id
            WHEN 'request' THEN request_id
            WHEN 'cost_basis' THEN cost_basis
        END AS key,
        min(coalesce(requested_at, local_at)) AS began,
        count(*) AS request_count,
        sum(total_usage) AS total_usage,
        sum(openrouter_usage) AS openrouter_usage,
        sum(credits_usage) AS credits_usage,
        sum(byok_fees) AS byok_fees,
        sum(byok_usage) AS byok_usage,
        coalesce(sum(cache_discount), 0) AS cache_discount,
        coalesce(sum(total_usage) FILTER (WHERE status = 'cancelled'), 0) AS cancelled_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'failed'), 0) AS failed_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'truncated'), 0) AS truncated_usage,
        coalesce(sum(total_usage) FILTER (WHERE status = 'filtered'), 0) AS filtered_usage,
        coalesce(sum(total_usage) FILTER (WHERE is_web_search), 0) AS web_search_usage,
        count(*) FILTER (WHERE is_response_cache_hit) AS response_cache_hits,
        count(*) FILTER (WHERE cost_basis IN ('unknown', 'byok_unknown')) AS unknown_cost_count,
        coalesce(sum(native_tokens_prompt), 0) AS tokens_prompt,
        coalesce(sum(native_tokens_completion), 0) AS tokens_completion,
        coalesce(sum(native_tokens_reasoning), 0) AS tokens_reasoning,
        coalesce(sum(native_tokens_cached), 0) AS tokens_cached,
        coalesce(sum(total_usage) FILTER (WHERE NOT is_response_cache_hit), 0) AS priced_usage,
        coalesce(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0)) FILTER (WHERE NOT is_response_cache_hit), 0) AS priced_tokens
    FROM timed
    GROUP BY key
    UNION ALL
    SELECT
        CASE $by
            WHEN 'day' THEN strftime(requested_day, '%Y-%m-%d')
            WHEN 'week' THEN strftime(date_trunc('week', requested_day), '%Y-%m-%d')
            WHEN 'month' THEN strftime(requested_day, '%Y-%m')
            WHEN 'model' THEN model
            WHEN 'author' THEN split_part(model, '/', 1)
            WHEN 'provider' THEN provider_name
        END AS key,
        min(CAST(requested_day AS TIMESTAMP)) AS began,
        sum(request_count) AS request_count,
        sum(total_usage) AS total_usage,
        sum(openrouter_usage) AS openrouter_usage,
        sum(credits_usage) AS credits_usage,
        sum(byok_fees) AS byok_fees,
        sum(byok_usage) AS byok_usage,
        sum(cache_discount) AS cache_discount,
        sum(cancelled_usage) AS cancelled_usage,
        sum(failed_usage) AS failed_usage,
        sum(truncated_usage) AS truncated_usage,
        sum(filtered_usage) AS filtered_usage,
        sum(web_search_usage) AS web_search_usage,
        sum(response_cache_hits) AS response_cache_hits,
        sum(unknown_cost_count) AS unknown_cost_count,
        sum(tokens_prompt) AS tokens_prompt,
        sum(tokens_completion) AS tokens_completion,
        sum(tokens_reasoning) AS tokens_reasoning,
        sum(tokens_cached) AS tokens_cached,
        sum(priced_usage) AS priced_usage,
        sum(priced_tokens) AS priced_tokens
    FROM ops.cost_rollup
    WHERE $ready
      AND ($whole OR requested_day BETWEEN $first_day AND $last_day)
    GROUP BY key
),

ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY total_usage DESC, key) > CAST($top AS BIGINT) AS is_rest
    FROM cells
),

kept AS (
    SELECT
        * REPLACE (CASE WHEN NOT coalesce(is_rest, false) THEN key END AS key),
        CASE WHEN is_rest THEN 1 ELSE 0 END AS part
    FROM ranked
),

added AS (
    SELECT
        CASE WHEN grouping(part) = 1 THEN 2 ELSE part END AS part,
        key,
        min(began) AS began,
        sum(request_count) AS request_count,
        sum(total_usage) AS total_usage,
        sum(openrouter_usage) AS openrouter_usage,
        sum(credits_usage) AS credits_usage,
        sum(byok_fees) AS byok_fees,
        sum(byok_usage) AS byok_usage,
        sum(cache_discount) AS cache_discount,
        sum(cancelled_usage) AS cancelled_usage,
        sum(failed_usage) AS failed_usage,
        sum(truncated_usage) AS truncated_usage,
        sum(filtered_usage) AS filtered_usage,
        sum(web_search_usage) AS web_search_usage,
        sum(response_cache_hits) AS response_cache_hits,
        sum(unknown_cost_count) AS unknown_cost_count,
        sum(tokens_prompt) AS tokens_prompt,
        sum(tokens_completion) AS tokens_completion,
        sum(tokens_reasoning) AS tokens_reasoning,
        sum(tokens_cached) AS tokens_cached,
        sum(priced_usage) AS priced_usage,
        sum(priced_tokens) AS priced_tokens
    FROM kept
    GROUP BY GROUPING SETS ((part, key), ())
),

final AS (
    SELECT
        part,
        began,
        CASE WHEN part = 1 THEN '(other)' ELSE key END AS key,
        CAST(coalesce(request_count, 0) AS BIGINT) AS request_count,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(openrouter_usage, 0) AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(coalesce(credits_usage, 0) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(coalesce(byok_fees, 0) AS DECIMAL(28, 12)) AS byok_fees,
        CAST(coalesce(byok_usage, 0) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(coalesce(cache_discount, 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(coalesce(cancelled_usage, 0) AS DECIMAL(28, 12)) AS cancelled_usage,
        CAST(coalesce(failed_usage, 0) AS DECIMAL(28, 12)) AS failed_usage,
        CAST(coalesce(truncated_usage, 0) AS DECIMAL(28, 12)) AS truncated_usage,
        CAST(coalesce(filtered_usage, 0) AS DECIMAL(28, 12)) AS filtered_usage,
        CAST(coalesce(web_search_usage, 0) AS DECIMAL(28, 12)) AS web_search_usage,
        CAST(coalesce(response_cache_hits, 0) AS BIGINT) AS response_cache_hits,
        CAST(coalesce(unknown_cost_count, 0) AS BIGINT) AS unknown_cost_count,
        CAST(coalesce(tokens_prompt, 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(tokens_completion, 0) AS BIGINT) AS tokens_completion,
        CAST(coalesce(tokens_reasoning, 0) AS BIGINT) AS tokens_reasoning,
        CAST(coalesce(tokens_cached, 0) AS BIGINT) AS tokens_cached,
        CAST(tokens_cached / nullif(tokens_prompt, 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * priced_usage / nullif(priced_tokens, 0) AS DOUBLE) AS blended_cost_per_million_tokens
    FROM added
)

SELECT * EXCLUDE (began) FROM final
ORDER BY part, CASE WHEN $by IN ('hour', 'day', 'week', 'month') THEN began END, total_usage DESC, key;

-- What prompt caching and the response cache saved, by one dimension; periods, parts and $top as in reports/cost.sql.
-- Prompt caching counts as the discount that is already deducted from usage. A response cache hit counts as the cost
-- of the generation that it copied, whenever that was made, if that generation is in the warehouse.
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
    UNION ALL
    SELECT
        facts.*,
        CAST(facts.requested_day AS TIMESTAMP) AS local_at,
        NULL AS label
    FROM main.generation_facts AS facts
    WHERE facts.requested_at IS NULL
      AND ($whole OR facts.requested_day BETWEEN $first_midnight AND $last_day)
),

sources AS (
    SELECT
        generation_id AS source_id,
        total_usage AS copied_usage
    FROM main.generation_facts
    WHERE generation_id IN (SELECT response_cache_source_id FROM timed WHERE is_response_cache_hit)
),

priced AS (
    SELECT
        timed.*,
        sources.copied_usage
    FROM timed
    LEFT JOIN sources ON sources.source_id = timed.response_cache_source_id
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
        END AS key,
        min(coalesce(requested_at, local_at)) AS began,
        count(*) AS request_count,
        count(*) FILTER (WHERE native_tokens_cached > 0) AS cached_request_count,
        coalesce(sum(native_tokens_prompt), 0) AS tokens_prompt,
        coalesce(sum(native_tokens_cached), 0) AS tokens_cached,
        coalesce(sum(cache_discount) FILTER (WHERE cache_discount > 0), 0) AS saved_usage,
        coalesce(-sum(cache_discount) FILTER (WHERE cache_discount < 0), 0) AS cache_write_usage,
        coalesce(sum(cache_discount), 0) AS cache_discount,
        sum(total_usage) AS total_usage,
        sum(total_usage) + coalesce(sum(cache_discount), 0) AS usage_without_cache,
        count(*) FILTER (WHERE is_response_cache_hit) AS response_cache_hits,
        coalesce(sum(copied_usage), 0) AS response_cache_saved_usage
    FROM priced
    GROUP BY key
),

ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY cache_discount + response_cache_saved_usage DESC, key) > CAST($top AS BIGINT) AS is_rest
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
        sum(cached_request_count) AS cached_request_count,
        sum(tokens_prompt) AS tokens_prompt,
        sum(tokens_cached) AS tokens_cached,
        sum(saved_usage) AS saved_usage,
        sum(cache_write_usage) AS cache_write_usage,
        sum(cache_discount) AS cache_discount,
        sum(total_usage) AS total_usage,
        sum(usage_without_cache) AS usage_without_cache,
        sum(response_cache_hits) AS response_cache_hits,
        sum(response_cache_saved_usage) AS response_cache_saved_usage
    FROM kept
    GROUP BY GROUPING SETS ((part, key), ())
),

final AS (
    SELECT
        part,
        began,
        CASE WHEN part = 1 THEN '(other)' ELSE key END AS key,
        CAST(coalesce(request_count, 0) AS BIGINT) AS request_count,
        CAST(coalesce(cached_request_count, 0) AS BIGINT) AS cached_request_count,
        CAST(coalesce(tokens_prompt, 0) AS BIGINT) AS tokens_prompt,
        CAST(coalesce(tokens_cached, 0) AS BIGINT) AS tokens_cached,
        CAST(coalesce(saved_usage, 0) AS DECIMAL(28, 12)) AS saved_usage,
        CAST(coalesce(cache_write_usage, 0) AS DECIMAL(28, 12)) AS cache_write_usage,
        CAST(coalesce(cache_discount, 0) AS DECIMAL(28, 12)) AS cache_discount,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(usage_without_cache, 0) AS DECIMAL(28, 12)) AS usage_without_cache,
        CAST(coalesce(response_cache_hits, 0) AS BIGINT) AS response_cache_hits,
        CAST(coalesce(response_cache_saved_usage, 0) AS DECIMAL(28, 12)) AS response_cache_saved_usage,
        CAST(tokens_cached / nullif(tokens_prompt, 0) AS DOUBLE) AS cache_hit_rate
    FROM added
)

SELECT * EXCLUDE (began) FROM final
ORDER BY part, CASE WHEN $by IN ('hour', 'day', 'week', 'month') THEN began END, cache_discount + response_cache_saved_usage DESC, key;

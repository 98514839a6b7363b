-- Latency by one dimension. Percentiles cannot be added up, so there is no row for the rest and no total.
-- $ready: all of history by model or provider comes from histograms, within 1 % of the exact value. Everything else
-- is exact, from the facts of the period, as in reports/cost.sql.
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
      AND facts.is_measured
      AND NOT $ready
    UNION ALL
    SELECT
        facts.*,
        CAST(facts.requested_day AS TIMESTAMP) AS local_at,
        NULL AS label
    FROM main.generation_facts AS facts
    WHERE facts.requested_at IS NULL
      AND ($whole OR facts.requested_day BETWEEN $first_midnight AND $last_day)
      AND facts.is_measured
      AND NOT $ready
),

exact AS (
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
            WHEN 'length' THEN CASE
                WHEN native_tokens_completion >= 10001 THEN '10001-'
                WHEN native_tokens_completion >= 3001 THEN '3001-10000'
                WHEN native_tokens_completion >= 1001 THEN '1001-3000'
                WHEN native_tokens_completion >= 301 THEN '301-1000'
                WHEN native_tokens_completion >= 101 THEN '101-300'
                WHEN native_tokens_completion >= 11 THEN '11-100'
                WHEN native_tokens_completion >= 1 THEN '1-10'
            END
        END AS key,
        min(CASE WHEN $by = 'length' THEN native_tokens_completion ELSE epoch(coalesce(requested_at, local_at)) END) AS place,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(latency_ms) AS BIGINT) AS latency_count,
        quantile_cont(latency_ms, 0.5) AS p50_latency,
        quantile_cont(latency_ms, 0.9) AS p90_latency,
        quantile_cont(latency_ms, 0.95) AS p95_latency,
        quantile_cont(latency_ms, 0.99) AS p99_latency,
        CAST(count(ttft_ms) AS BIGINT) AS streamed_count,
        quantile_cont(ttft_ms, 0.5) AS p50_ttft_ms,
        quantile_cont(ttft_ms, 0.9) AS p90_ttft_ms,
        quantile_cont(ttft_ms, 0.95) AS p95_ttft_ms,
        quantile_cont(ttft_ms, 0.99) AS p99_ttft_ms,
        CAST(count(duration_ms) AS BIGINT) AS duration_count,
        quantile_cont(duration_ms, 0.5) AS p50_duration_ms,
        quantile_cont(duration_ms, 0.9) AS p90_duration_ms,
        quantile_cont(duration_ms, 0.95) AS p95_duration_ms,
        quantile_cont(duration_ms, 0.99) AS p99_duration_ms,
        CAST(count(tokens_per_second) AS BIGINT) AS throughput_count,
        quantile_cont(tokens_per_second, 0.5) AS p50_throughput,
        quantile_cont(tokens_per_second, 0.9) AS p90_throughput,
        quantile_cont(tokens_per_second, 0.95) AS p95_throughput,
        quantile_cont(tokens_per_second, 0.99) AS p99_throughput,
        CAST(count(inter_token_ms) AS BIGINT) AS inter_token_count,
        quantile_cont(inter_token_ms, 0.5) AS p50_inter_token_latency,
        quantile_cont(inter_token_ms, 0.9) AS p90_inter_token_latency,
        quantile_cont(inter_token_ms, 0.95) AS p95_inter_token_latency,
        quantile_cont(inter_token_ms, 0.99) AS p99_inter_token_latency
    FROM timed
    GROUP BY key
),

final AS (
    SELECT * FROM exact
    UNION ALL BY NAME
    SELECT
        model AS key,
        * EXCLUDE (model)
    FROM main.latency_by_model
    WHERE $ready
      AND $by = 'model'
    UNION ALL BY NAME
    SELECT
        provider_name AS key,
        * EXCLUDE (provider_name)
    FROM main.latency_by_provider
    WHERE $ready
      AND $by = 'provider'
)

SELECT
    0 AS part,
    * EXCLUDE (place)
FROM final
ORDER BY CASE WHEN $by IN ('hour', 'day', 'week', 'month', 'length') THEN place END, request_count DESC, key;

-- Rebuilds the latency histograms of the deleted weeks, by model and by provider, from the facts. The range limits what
-- is read of them.
INSERT INTO ops.latency_rollup BY NAME
WITH samples AS (
    SELECT * FROM ops.latency_samples
    WHERE requested_day BETWEEN $low AND $high
    UNION ALL
    SELECT * FROM ops.latency_samples
    WHERE requested_day IS NULL
),

weekly AS (
    SELECT
        *,
        CAST(date_trunc('week', requested_day) AS DATE) AS requested_week
    FROM samples
)

SELECT
    requested_week,
    CASE WHEN grouping(model) = 0 THEN 'model' ELSE 'provider' END AS dimension,
    CASE WHEN grouping(model) = 0 THEN model ELSE provider_name END AS name,
    bucket,
    count(*) FILTER (WHERE metric = 'request') AS request_count,
    count(*) FILTER (WHERE metric = 'latency') AS latency_samples,
    count(*) FILTER (WHERE metric = 'ttft') AS ttft_samples,
    count(*) FILTER (WHERE metric = 'duration') AS duration_samples,
    count(*) FILTER (WHERE metric = 'throughput') AS throughput_samples,
    count(*) FILTER (WHERE metric = 'inter_token') AS inter_token_samples
FROM weekly
WHERE requested_week IS NULL
   OR $all
   OR list_contains(CAST($weeks AS DATE[]), requested_week)
GROUP BY GROUPING SETS ((requested_week, bucket, model), (requested_week, bucket, provider_name))
ORDER BY dimension, requested_week, name, bucket;

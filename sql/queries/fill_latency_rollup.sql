-- The histograms of the weeks that were removed, made from the facts. The range prunes what is read of them.
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
        CAST(date_trunc('week', requested_day) AS DATE) AS requested_week,
        model,
        provider_name,
        metric,
        bucket
    FROM samples
)

SELECT
    requested_week,
    model,
    provider_name,
    metric,
    bucket,
    count(*) AS sample_count
FROM weekly
WHERE requested_week IS NULL
   OR $all
   OR list_contains(CAST($weeks AS DATE[]), requested_week)
GROUP BY ALL;

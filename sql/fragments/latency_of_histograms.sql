-- The query of a latency view: percentiles of one dimension ('model' or 'provider') from ops.latency_rollup. A percentile
-- is the middle of the histogram step in which the sample of that rank lies.
WITH cells AS (
    SELECT * FROM ops.latency_rollup
    WHERE dimension = '{dimension}'
),

steps AS (
    SELECT
        name AS {column},
        bucket,
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(latency_samples) AS BIGINT) AS latency_samples,
        CAST(sum(ttft_samples) AS BIGINT) AS ttft_samples,
        CAST(sum(duration_samples) AS BIGINT) AS duration_samples,
        CAST(sum(throughput_samples) AS BIGINT) AS throughput_samples,
        CAST(sum(inter_token_samples) AS BIGINT) AS inter_token_samples
    FROM cells
    GROUP BY name, bucket
),

ranked AS (
    SELECT
        *,
        CAST(sum(latency_samples) OVER up_to AS BIGINT) AS latency_up_to,
        CAST(nullif(sum(latency_samples) OVER whole, 0) AS BIGINT) AS latency_total,
        CAST(sum(ttft_samples) OVER up_to AS BIGINT) AS ttft_up_to,
        CAST(nullif(sum(ttft_samples) OVER whole, 0) AS BIGINT) AS ttft_total,
        CAST(sum(duration_samples) OVER up_to AS BIGINT) AS duration_up_to,
        CAST(nullif(sum(duration_samples) OVER whole, 0) AS BIGINT) AS duration_total,
        CAST(sum(throughput_samples) OVER up_to AS BIGINT) AS throughput_up_to,
        CAST(nullif(sum(throughput_samples) OVER whole, 0) AS BIGINT) AS throughput_total,
        CAST(sum(inter_token_samples) OVER up_to AS BIGINT) AS inter_token_up_to,
        CAST(nullif(sum(inter_token_samples) OVER whole, 0) AS BIGINT) AS inter_token_total
    FROM steps
    WINDOW up_to AS (PARTITION BY {column} ORDER BY bucket), whole AS (PARTITION BY {column})
),

final AS (
    SELECT
        {column},
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(latency_samples) AS BIGINT) AS latency_count,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 50 * latency_total) + 0.5) * ln(1.02)) AS p50_latency,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 90 * latency_total) + 0.5) * ln(1.02)) AS p90_latency,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 95 * latency_total) + 0.5) * ln(1.02)) AS p95_latency,
        exp((min(bucket) FILTER (WHERE 100 * latency_up_to >= 99 * latency_total) + 0.5) * ln(1.02)) AS p99_latency,
        CAST(sum(ttft_samples) AS BIGINT) AS streamed_count,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 50 * ttft_total) + 0.5) * ln(1.02)) AS p50_ttft_ms,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 90 * ttft_total) + 0.5) * ln(1.02)) AS p90_ttft_ms,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 95 * ttft_total) + 0.5) * ln(1.02)) AS p95_ttft_ms,
        exp((min(bucket) FILTER (WHERE 100 * ttft_up_to >= 99 * ttft_total) + 0.5) * ln(1.02)) AS p99_ttft_ms,
        CAST(sum(duration_samples) AS BIGINT) AS duration_count,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 50 * duration_total) + 0.5) * ln(1.02)) AS p50_duration_ms,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 90 * duration_total) + 0.5) * ln(1.02)) AS p90_duration_ms,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 95 * duration_total) + 0.5) * ln(1.02)) AS p95_duration_ms,
        exp((min(bucket) FILTER (WHERE 100 * duration_up_to >= 99 * duration_total) + 0.5) * ln(1.02)) AS p99_duration_ms,
        CAST(sum(throughput_samples) AS BIGINT) AS throughput_count,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 50 * throughput_total) + 0.5) * ln(1.02)) AS p50_throughput,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 90 * throughput_total) + 0.5) * ln(1.02)) AS p90_throughput,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 95 * throughput_total) + 0.5) * ln(1.02)) AS p95_throughput,
        exp((min(bucket) FILTER (WHERE 100 * throughput_up_to >= 99 * throughput_total) + 0.5) * ln(1.02)) AS p99_throughput,
        CAST(sum(inter_token_samples) AS BIGINT) AS inter_token_count,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 50 * inter_token_total) + 0.5) * ln(1.02)) AS p50_inter_token_latency,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 90 * inter_token_total) + 0.5) * ln(1.02)) AS p90_inter_token_latency,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 95 * inter_token_total) + 0.5) * ln(1.02)) AS p95_inter_token_latency,
        exp((min(bucket) FILTER (WHERE 100 * inter_token_up_to >= 99 * inter_token_total) + 0.5) * ln(1.02)) AS p99_inter_token_latency
    FROM ranked
    GROUP BY {column}
)

SELECT * FROM final;

-- grain: one row per range of completion lengths with a measured completion
-- Short answers look slow, for the wait before the first token counts: compare throughput within one length only.
CREATE OR REPLACE VIEW main.throughput_by_length AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE is_measured
),

ranges AS (
    SELECT *
    FROM (VALUES (1, 10), (11, 100), (101, 300), (301, 1000), (1001, 3000), (3001, 10000), (10001, NULL))
        AS lengths (tokens_from, tokens_to)
),

keyed AS (
    SELECT
        facts.*,
        CAST(ranges.tokens_from AS BIGINT) AS tokens_from,
        ranges.tokens_to
    FROM facts
    JOIN ranges
        ON facts.native_tokens_completion >= ranges.tokens_from
        AND facts.native_tokens_completion <= coalesce(ranges.tokens_to, facts.native_tokens_completion)
),

final AS (
    SELECT
        tokens_from,
        CAST(max(tokens_to) AS BIGINT) AS tokens_to,
        CAST(count(*) AS BIGINT) AS request_count,
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
    FROM keyed
    GROUP BY tokens_from
)

SELECT * FROM final;

COMMENT ON VIEW main.throughput_by_length IS 'One row per range of completion lengths: throughput and time to the whole answer. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are exact and interpolated; the sample is named beside each.';
COMMENT ON COLUMN main.throughput_by_length.tokens_from IS 'Fewest completion tokens of this row. Unit: tokens.';
COMMENT ON COLUMN main.throughput_by_length.tokens_to IS 'Most completion tokens of this row; NULL: no bound. Unit: tokens.';
COMMENT ON COLUMN main.throughput_by_length.request_count IS 'Generations measured. Unit: generations.';
COMMENT ON COLUMN main.throughput_by_length.duration_count IS 'Sample behind the duration_ms percentiles. Unit: generations.';
COMMENT ON COLUMN main.throughput_by_length.p50_duration_ms IS 'Time to the whole answer; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.p90_duration_ms IS 'Time to the whole answer; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.p95_duration_ms IS 'Time to the whole answer; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.p99_duration_ms IS 'Time to the whole answer; percentile 99. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.throughput_count IS 'Sample behind the throughput percentiles. Unit: generations.';
COMMENT ON COLUMN main.throughput_by_length.p50_throughput IS 'native_tokens_completion / generation_time; percentile 50. Unit: tokens/s.';
COMMENT ON COLUMN main.throughput_by_length.p90_throughput IS 'native_tokens_completion / generation_time; percentile 90. Unit: tokens/s.';
COMMENT ON COLUMN main.throughput_by_length.p95_throughput IS 'native_tokens_completion / generation_time; percentile 95. Unit: tokens/s.';
COMMENT ON COLUMN main.throughput_by_length.p99_throughput IS 'native_tokens_completion / generation_time; percentile 99. Unit: tokens/s.';
COMMENT ON COLUMN main.throughput_by_length.inter_token_count IS 'Sample behind the inter_token_latency percentiles. Unit: generations.';
COMMENT ON COLUMN main.throughput_by_length.p50_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 50. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.p90_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 90. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.p95_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 95. Unit: ms.';
COMMENT ON COLUMN main.throughput_by_length.p99_inter_token_latency IS 'Time between two tokens, streamed generations only; percentile 99. Unit: ms.';

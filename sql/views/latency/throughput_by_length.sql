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

measured AS (
    SELECT
        tokens_from,
        CAST(max(tokens_to) AS BIGINT) AS tokens_to,
        CAST(count(*) AS BIGINT) AS request_count,
        -- include: duration_samples
    FROM keyed
    GROUP BY tokens_from
),

final AS (
    SELECT
        tokens_from,
        tokens_to,
        request_count,
        -- include: duration_quantiles
    FROM measured
)

SELECT * FROM final;

COMMENT ON VIEW main.throughput_by_length IS 'One row per range of completion lengths: throughput and time to the whole answer. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles are those of the nearest rank; the sample is named beside each.';
COMMENT ON COLUMN main.throughput_by_length.tokens_from IS 'Fewest completion tokens of this row. Unit: tokens.';
COMMENT ON COLUMN main.throughput_by_length.tokens_to IS 'Most completion tokens of this row; NULL: no bound. Unit: tokens.';
COMMENT ON COLUMN main.throughput_by_length.request_count IS 'Generations measured. Unit: generations.';
-- include: duration_comments relation=main.throughput_by_length

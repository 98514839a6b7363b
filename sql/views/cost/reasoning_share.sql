-- grain: one row per model with completion tokens
-- How much of what a model writes nobody reads: reasoning is inside the completion and billed like it.
-- Reasoning that was not told is none: least() alone would pass over the NULL and take the whole completion.
CREATE OR REPLACE VIEW main.reasoning_share AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

counted AS (
    SELECT
        *,
        least(coalesce(native_tokens_reasoning, 0), native_tokens_completion) AS reasoning_tokens
    FROM facts
    WHERE native_tokens_completion > 0
),

final AS (
    SELECT
        model,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(*) FILTER (WHERE reasoning_tokens > 0) AS BIGINT) AS reasoning_request_count,
        CAST(sum(native_tokens_completion) AS BIGINT) AS tokens_completion,
        CAST(sum(reasoning_tokens) AS BIGINT) AS reasoning_tokens,
        CAST(sum(reasoning_tokens) / sum(native_tokens_completion) AS DOUBLE) AS reasoning_share,
        CAST(count(*) FILTER (WHERE native_tokens_reasoning > native_tokens_completion) AS BIGINT) AS over_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage
    FROM counted
    GROUP BY model
)

SELECT * FROM final;

COMMENT ON VIEW main.reasoning_share IS 'One row per model with completion tokens: which share of them is reasoning. Where an answer reports more reasoning than completion, all of the completion counts as reasoning.';
COMMENT ON COLUMN main.reasoning_share.model IS 'Model that answered.';
COMMENT ON COLUMN main.reasoning_share.request_count IS 'Generations with completion tokens. Unit: generations.';
COMMENT ON COLUMN main.reasoning_share.reasoning_request_count IS 'Those that reasoned. Unit: generations.';
COMMENT ON COLUMN main.reasoning_share.tokens_completion IS 'Completion tokens by the providers'' counts, reasoning included. Unit: tokens.';
COMMENT ON COLUMN main.reasoning_share.reasoning_tokens IS 'Reasoning tokens, never more than the completion of the same generation; 0 where they were not told. Unit: tokens.';
COMMENT ON COLUMN main.reasoning_share.reasoning_share IS 'reasoning_tokens / tokens_completion. Unit: 0 to 1.';
COMMENT ON COLUMN main.reasoning_share.over_count IS 'Generations that reported more reasoning than completion tokens. Unit: generations.';
COMMENT ON COLUMN main.reasoning_share.total_usage IS 'What they cost in all, prompts included. Unit: USD.';

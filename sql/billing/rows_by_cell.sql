-- Both sides of some days by model or provider, on those that Activity answered for; the largest difference first.
SELECT
    CASE $by WHEN 'model' THEN model ELSE provider_name END AS name,
    -- include: reconciled_sums
    CAST(sum(billed_tokens_prompt) AS BIGINT) AS billed_tokens_prompt,
    CAST(sum(tokens_prompt) AS BIGINT) AS tokens_prompt,
    CAST(sum(billed_tokens_completion) AS BIGINT) AS billed_tokens_completion,
    CAST(sum(tokens_completion) AS BIGINT) AS tokens_completion,
    CAST(sum(billed_reasoning_tokens) AS BIGINT) AS billed_reasoning_tokens,
    CAST(sum(reasoning_tokens) AS BIGINT) AS reasoning_tokens,
    CAST(sum(billed_cached_tokens) AS BIGINT) AS billed_cached_tokens,
    CAST(sum(cached_tokens) AS BIGINT) AS cached_tokens,
    coalesce(string_agg(DISTINCT difference, ', ' ORDER BY difference) FILTER (WHERE difference <> 'equal'), 'equal') AS difference
FROM ops.reconciliation
WHERE requested_day BETWEEN $first AND $last
    AND fetched_at IS NOT NULL
GROUP BY name
ORDER BY abs(sum(missing_usage)) DESC NULLS LAST, sum(billed_usage) DESC NULLS LAST, name NULLS LAST;

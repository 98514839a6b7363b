-- Columns: cache hit rate, cost per million tokens, first and last day, over rows of main.generation_facts. They end a
-- select list.
        CAST(least(coalesce(sum(native_tokens_cached), 0), sum(native_tokens_prompt)) / nullif(sum(native_tokens_prompt), 0) AS DOUBLE) AS cache_hit_rate,
        CAST(1000000 * sum(total_usage) FILTER (WHERE is_priced)
            / sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0))
                FILTER (WHERE is_priced) AS DOUBLE) AS blended_cost_per_million_tokens,
        CAST(min(requested_day) AS DATE) AS first_day,
        CAST(max(requested_day) AS DATE) AS last_day

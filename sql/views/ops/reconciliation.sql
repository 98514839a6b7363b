-- grain: one row per day (UTC), model and provider that OpenRouter or the warehouse knows
-- What OpenRouter says was used against what was ingested. Both sides are joined by the canonical slug of the model:
-- generations may name either, so a name is looked up in the day's Activity, else in the list of models.
CREATE OR REPLACE VIEW ops.reconciliation AS
WITH activity AS (
    SELECT * FROM ops.activity
),

cells AS (
    SELECT * FROM ops.cost_rollup
    WHERE requested_day IS NOT NULL
),

listed AS (
    SELECT slug, arg_max(canonical_slug, fetched_at) AS canonical_slug
    FROM ops.models
    WHERE canonical_slug IS NOT NULL
    GROUP BY slug
),

known_names AS (
    SELECT activity_day, model_permaslug AS name, model_permaslug AS canonical_slug, 1 AS place, 0 AS requests FROM activity
    UNION ALL
    SELECT activity_day, model, model_permaslug, 2, requests FROM activity
    UNION ALL
    SELECT NULL, canonical_slug, canonical_slug, 3, 0 FROM listed
    UNION ALL
    SELECT NULL, slug, canonical_slug, 4, 0 FROM listed
    UNION ALL
    SELECT NULL, model, arg_max(model_permaslug, activity_day), 5, 0 FROM activity
    WHERE model_permaslug IS NOT NULL
    GROUP BY model
),

wanted AS (
    SELECT requested_day, model FROM cells
    UNION
    SELECT activity_day, model FROM activity
    WHERE model_permaslug IS NULL
),

lookups AS (
    SELECT requested_day, model, model AS name, 0 AS without_variant FROM wanted
    UNION ALL
    SELECT requested_day, model, split_part(model, ':', 1), 1 FROM wanted
    WHERE contains(model, ':')
),

names AS (
    SELECT lookups.requested_day, lookups.model, split_part(known_names.canonical_slug, ':', 1) AS canonical_slug
    FROM lookups
    JOIN known_names
        ON known_names.name = lookups.name
    WHERE known_names.canonical_slug IS NOT NULL
        AND coalesce(known_names.activity_day, lookups.requested_day) = lookups.requested_day
    QUALIFY row_number() OVER (
        PARTITION BY lookups.requested_day, lookups.model
        ORDER BY without_variant, place, requests DESC NULLS LAST, known_names.canonical_slug
    ) = 1
),

billed AS (
    SELECT
        activity.activity_day AS requested_day,
        coalesce(split_part(activity.model_permaslug, ':', 1), names.canonical_slug, split_part(activity.model, ':', 1)) AS model,
        activity.provider_name,
        sum(activity.usage) AS usage,
        sum(activity.byok_usage_inference) AS byok_usage,
        sum(activity.requests) AS requests,
        sum(activity.prompt_tokens) AS tokens_prompt,
        sum(activity.completion_tokens) AS tokens_completion,
        sum(activity.reasoning_tokens) AS reasoning_tokens,
        sum(activity.cached_tokens) AS cached_tokens
    FROM activity
    LEFT JOIN names
        ON names.requested_day = activity.activity_day
        AND names.model = activity.model
    GROUP BY ALL
),

known AS (
    SELECT
        cells.requested_day,
        coalesce(names.canonical_slug, split_part(cells.model, ':', 1)) AS model,
        cells.provider_name,
        sum(cells.credits_usage) AS credits_usage,
        sum(cells.byok_usage) AS byok_usage,
        sum(cells.request_count) AS request_count,
        sum(cells.tokens_prompt) AS tokens_prompt,
        sum(cells.tokens_completion) AS tokens_completion,
        sum(cells.reasoning_tokens) AS reasoning_tokens,
        sum(cells.cached_tokens) AS cached_tokens,
        sum(cells.web_search_usage) AS web_search_usage,
        sum(cells.response_cache_hits) AS response_cache_hits
    FROM cells
    LEFT JOIN names
        ON names.requested_day = cells.requested_day
        AND names.model = cells.model
    GROUP BY ALL
),

near_midnight AS (
    SELECT
        requested_day,
        CAST(created_at AS DATE) AS created_day,
        model,
        provider_name,
        sum(coalesce(usage, total_cost, 0)) AS usage,
        count(*) AS request_count
    FROM main.generations
    WHERE booked_under IS NULL
        AND requested_at IS NOT NULL
        AND CAST(created_at AS DATE) <> requested_day
        AND abs(epoch(created_at) - epoch(requested_at)) <= 86400
    GROUP BY ALL
),

moved AS (
    SELECT created_day AS requested_day, requested_day AS named_day, model, provider_name, usage, request_count FROM near_midnight
    UNION ALL
    SELECT requested_day, requested_day, model, provider_name, -usage, -request_count FROM near_midnight
),

midnight AS (
    SELECT
        moved.requested_day,
        coalesce(names.canonical_slug, split_part(moved.model, ':', 1)) AS model,
        moved.provider_name,
        sum(moved.usage) AS usage,
        sum(moved.request_count) AS request_count
    FROM moved
    LEFT JOIN names
        ON names.requested_day = moved.named_day
        AND names.model = moved.model
    GROUP BY ALL
),

told_days AS (
    SELECT activity_day, max(fetched_at) AS fetched_at
    FROM (
        SELECT activity_day, fetched_at FROM ops.activity_days
        UNION ALL
        SELECT activity_day, fetched_at FROM activity
    )
    GROUP BY activity_day
),

grain AS (
    SELECT requested_day, model, provider_name FROM billed
    UNION
    SELECT requested_day, model, provider_name FROM known
),

both_sides AS (
    SELECT
        grain.requested_day,
        grain.model,
        grain.provider_name,
        told_days.fetched_at,
        CASE WHEN billed.requested_day IS NULL AND told_days.activity_day IS NOT NULL THEN 0 ELSE billed.usage END AS billed_usage,
        coalesce(known.credits_usage, 0) AS credits_usage,
        CASE WHEN billed.requested_day IS NULL AND told_days.activity_day IS NOT NULL THEN 0 ELSE billed.byok_usage END AS billed_byok_usage,
        coalesce(known.byok_usage, 0) AS byok_usage,
        CASE WHEN billed.requested_day IS NULL AND told_days.activity_day IS NOT NULL THEN 0 ELSE billed.requests END AS billed_requests,
        coalesce(known.request_count, 0) AS request_count,
        billed.tokens_prompt AS billed_tokens_prompt,
        coalesce(known.tokens_prompt, 0) AS tokens_prompt,
        billed.tokens_completion AS billed_tokens_completion,
        coalesce(known.tokens_completion, 0) AS tokens_completion,
        billed.reasoning_tokens AS billed_reasoning_tokens,
        coalesce(known.reasoning_tokens, 0) AS reasoning_tokens,
        billed.cached_tokens AS billed_cached_tokens,
        coalesce(known.cached_tokens, 0) AS cached_tokens,
        coalesce(midnight.usage, 0) AS midnight_usage,
        coalesce(midnight.request_count, 0) AS midnight_requests,
        coalesce(known.web_search_usage, 0) AS web_search_usage,
        coalesce(known.response_cache_hits, 0) AS response_cache_hits
    FROM grain
    LEFT JOIN billed
        ON billed.requested_day = grain.requested_day
        AND billed.model IS NOT DISTINCT FROM grain.model
        AND billed.provider_name IS NOT DISTINCT FROM grain.provider_name
    LEFT JOIN known
        ON known.requested_day = grain.requested_day
        AND known.model IS NOT DISTINCT FROM grain.model
        AND known.provider_name IS NOT DISTINCT FROM grain.provider_name
    LEFT JOIN midnight
        ON midnight.requested_day = grain.requested_day
        AND midnight.model IS NOT DISTINCT FROM grain.model
        AND midnight.provider_name IS NOT DISTINCT FROM grain.provider_name
    LEFT JOIN told_days
        ON told_days.activity_day = grain.requested_day
),

compared AS (
    SELECT
        *,
        billed_usage - credits_usage AS missing_usage,
        billed_byok_usage - byok_usage AS missing_byok_usage,
        billed_requests - request_count AS missing_requests,
        sum(billed_usage - credits_usage) OVER model_day AS model_usage,
        sum(billed_requests - request_count) OVER model_day AS model_requests
    FROM both_sides
    WINDOW model_day AS (PARTITION BY requested_day, model)
),

final AS (
    SELECT
        requested_day,
        model,
        provider_name,
        CAST(billed_usage AS DECIMAL(28, 12)) AS billed_usage,
        CAST(credits_usage AS DECIMAL(28, 12)) AS credits_usage,
        CAST(missing_usage AS DECIMAL(28, 12)) AS missing_usage,
        CAST(credits_usage / nullif(billed_usage, 0) AS DOUBLE) AS usage_coverage,
        CAST(billed_byok_usage AS DECIMAL(28, 12)) AS billed_byok_usage,
        CAST(byok_usage AS DECIMAL(28, 12)) AS byok_usage,
        CAST(missing_byok_usage AS DECIMAL(28, 12)) AS missing_byok_usage,
        CAST(billed_requests AS BIGINT) AS billed_requests,
        CAST(request_count AS BIGINT) AS request_count,
        CAST(missing_requests AS BIGINT) AS missing_requests,
        CAST(billed_tokens_prompt AS BIGINT) AS billed_tokens_prompt,
        CAST(tokens_prompt AS BIGINT) AS tokens_prompt,
        CAST(billed_tokens_completion AS BIGINT) AS billed_tokens_completion,
        CAST(tokens_completion AS BIGINT) AS tokens_completion,
        CAST(billed_reasoning_tokens AS BIGINT) AS billed_reasoning_tokens,
        CAST(reasoning_tokens AS BIGINT) AS reasoning_tokens,
        CAST(billed_cached_tokens AS BIGINT) AS billed_cached_tokens,
        CAST(cached_tokens AS BIGINT) AS cached_tokens,
        CAST(midnight_usage AS DECIMAL(28, 12)) AS midnight_usage,
        CAST(midnight_requests AS BIGINT) AS midnight_requests,
        CAST(web_search_usage AS DECIMAL(28, 12)) AS web_search_usage,
        CAST(response_cache_hits AS BIGINT) AS response_cache_hits,
        CASE
            WHEN missing_usage IS NULL THEN 'not_told'
            WHEN missing_usage = 0 AND coalesce(missing_requests, 0) = 0 THEN 'equal'
            WHEN abs(missing_usage) < 0.005 AND coalesce(missing_requests, 0) = 0 THEN 'rounding'
            WHEN abs(missing_usage - midnight_usage) < 0.005 AND missing_requests = midnight_requests THEN 'midnight'
            WHEN abs(model_usage) < 0.005 AND model_requests = 0 THEN 'provider'
            WHEN abs(missing_usage) < 0.000001 AND missing_requests < 0 AND missing_requests + response_cache_hits = 0 THEN 'response_cache'
            WHEN abs(missing_usage) < 0.000001 AND missing_requests < 0 AND billed_requests > 0 THEN 'fan_out'
            WHEN missing_requests = 0 AND web_search_usage > 0 THEN 'web_search'
            WHEN missing_usage < 0 OR (missing_usage = 0 AND missing_requests < 0) THEN 'known_more'
            ELSE 'missing'
        END AS difference,
        fetched_at
    FROM compared
)

SELECT * FROM final;

COMMENT ON VIEW ops.reconciliation IS 'One row per day (UTC), model and provider: what OpenRouter says was used (ops.activity) against what was ingested. A day that Activity did not answer for has no billed figures; on a day that it did, a model which it does not name was billed 0.';
COMMENT ON COLUMN ops.reconciliation.requested_day IS 'Day: of the second in the ID, and of OpenRouter''s own date, which may differ around midnight. Unit: UTC.';
COMMENT ON COLUMN ops.reconciliation.model IS 'Canonical slug of the model, without a variant such as :free.';
COMMENT ON COLUMN ops.reconciliation.provider_name IS 'Provider; NULL where none is named.';
COMMENT ON COLUMN ops.reconciliation.billed_usage IS 'Charged to credits, as OpenRouter says; NULL if it did not tell. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.credits_usage IS 'Charged to credits, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.missing_usage IS 'billed_usage - credits_usage: what no log knew of; negative where more was ingested than billed. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.usage_coverage IS 'credits_usage / billed_usage, above 1 where more was ingested than billed; NULL if billed_usage is 0 or unknown. Unit: 0 to 1.';
COMMENT ON COLUMN ops.reconciliation.billed_byok_usage IS 'BYOK inference, as OpenRouter estimates it. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.byok_usage IS 'BYOK inference, as the ingested generations say. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.missing_byok_usage IS 'billed_byok_usage - byok_usage. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.billed_requests IS 'Requests, as OpenRouter says. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation.request_count IS 'Generations ingested. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation.missing_requests IS 'billed_requests - request_count. Unit: requests.';
COMMENT ON COLUMN ops.reconciliation.billed_tokens_prompt IS 'Prompt tokens, as OpenRouter says. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.tokens_prompt IS 'Prompt tokens, as the ingested generations say. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.billed_tokens_completion IS 'Completion tokens, as OpenRouter says. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.tokens_completion IS 'Completion tokens, as the ingested generations say. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.billed_reasoning_tokens IS 'Reasoning tokens, as OpenRouter says. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.reasoning_tokens IS 'Reasoning tokens, as the ingested generations say. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.billed_cached_tokens IS 'Prompt tokens read from caches, as OpenRouter says; contains those of answers copied from the response cache. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.cached_tokens IS 'Prompt tokens read from providers'' caches, as the ingested generations say. Unit: tokens.';
COMMENT ON COLUMN ops.reconciliation.midnight_usage IS 'What credits_usage would gain or lose if each generation counted on the day of its created_at instead of the second in its ID. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.midnight_requests IS 'What request_count would gain or lose in the same way. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation.web_search_usage IS 'Part of what was ingested: total_usage of generations that searched or fetched web pages, whose price OpenRouter may count elsewhere. Unit: USD.';
COMMENT ON COLUMN ops.reconciliation.response_cache_hits IS 'Part of request_count: generations copied from the response cache, which OpenRouter may not count. Unit: generations.';
COMMENT ON COLUMN ops.reconciliation.difference IS 'What the difference of credits and requests looks like: equal; rounding (below half a cent); midnight (it is midnight_usage); provider (the model agrees, the providers do not); response_cache or fan_out (the amount agrees, the requests do not); web_search (the requests agree, and pages were searched); missing (billed and not ingested); known_more (ingested and not billed); not_told (OpenRouter was not asked, or told no amount).';
COMMENT ON COLUMN ops.reconciliation.fetched_at IS 'When OpenRouter was asked; NULL if it was not. Unit: UTC.';

-- grain: one row per settled generation
-- The base of every other view: the facts, with each dollar booked once and each duration read as what it is. A record
-- that several IDs brought is one generation.
CREATE OR REPLACE VIEW main.generation_facts AS
WITH generations AS (
    SELECT * FROM main.generations
    WHERE booked_under IS NULL
),

booked AS (
    SELECT
        * REPLACE (nullif(trim(response_cache_source_id), '') AS response_cache_source_id),
        nullif(trim(response_cache_source_id), '') IS NOT NULL AS is_response_cache_hit,
        web_search_engine IS NOT NULL OR coalesce(num_search_results, 0) + coalesce(num_fetches, 0) > 0 AS is_web_search,
        CASE
            WHEN all_attempts_failed THEN 'failed'
            WHEN cancelled THEN 'cancelled'
            WHEN finish_reason = 'error' THEN 'failed'
            WHEN finish_reason = 'content_filter' THEN 'filtered'
            WHEN finish_reason = 'length' THEN 'truncated'
            ELSE 'completed'
        END AS status,
        CAST(coalesce(usage, total_cost, 0) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(CASE WHEN is_byok THEN coalesce(upstream_inference_cost, 0) ELSE 0 END AS DECIMAL(28, 12)) AS byok_usage
    FROM generations
),

final AS (
    SELECT
        generation_id,
        requested_at,
        requested_day,
        model,
        split_part(model, '/', 1) AS model_author,
        provider_name,
        api_type,
        router,
        service_tier,
        data_region,
        CAST(credits_usage + byok_usage AS DECIMAL(28, 12)) AS total_usage,
        credits_usage,
        CAST(CASE WHEN is_byok THEN 0 ELSE credits_usage END AS DECIMAL(28, 12)) AS openrouter_usage,
        CAST(CASE WHEN is_byok THEN credits_usage ELSE 0 END AS DECIMAL(28, 12)) AS byok_fees,
        byok_usage,
        CASE
            WHEN is_response_cache_hit THEN 'response_cache'
            WHEN usage IS NULL AND total_cost IS NULL THEN 'unknown'
            WHEN is_byok AND upstream_inference_cost IS NULL THEN 'byok_unknown'
            WHEN usage IS NULL THEN 'total_cost'
            WHEN is_byok THEN 'byok'
            WHEN usage = 0 THEN 'free'
            ELSE 'credits'
        END AS cost_basis,
        cache_discount,
        is_byok,
        is_response_cache_hit,
        response_cache_source_id,
        status,
        finish_reason,
        streamed,
        cancelled,
        native_tokens_prompt,
        native_tokens_completion,
        native_tokens_reasoning,
        native_tokens_cached,
        cost_basis NOT IN ('response_cache', 'unknown', 'byok_unknown')
            AND coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0) > 0 AS is_priced,
        is_web_search,
        web_search_engine,
        num_search_results,
        num_fetches,
        coalesce(api_type, 'completions') = 'completions'
            AND status IN ('completed', 'truncated')
            AND NOT is_response_cache_hit AS is_measured,
        CASE WHEN latency > 0 AND NOT is_response_cache_hit THEN latency END AS latency_ms,
        CASE WHEN latency > 0 AND streamed AND NOT is_response_cache_hit THEN latency END AS ttft_ms,
        CASE
            WHEN NOT is_response_cache_hit
                THEN greatest(CASE WHEN generation_time > 0 THEN generation_time END, CASE WHEN latency > 0 THEN latency END)
        END AS duration_ms,
        CASE
            WHEN NOT is_response_cache_hit AND generation_time > 0 AND native_tokens_completion > 0
                AND isfinite(native_tokens_completion / (generation_time / 1000))
                THEN native_tokens_completion / (generation_time / 1000)
        END AS tokens_per_second,
        CASE
            WHEN streamed AND NOT is_response_cache_hit AND native_tokens_completion > 1
                AND latency > 0 AND generation_time > latency
                THEN (generation_time - latency) / (native_tokens_completion - 1)
        END AS inter_token_ms,
        attempts,
        app_id,
        origin,
        external_user,
        session_id,
        request_id,
        workspace_id,
        api_key_hash,
        api_key_label,
        json_extract_string(extra, '$.api_key_id') AS api_key_id,
        CASE
            WHEN api_key_label IS NOT NULL AND api_key_hash IS NOT NULL AND list_contains(
                (
                    SELECT list(name) FROM (
                        SELECT name FROM ops.api_keys GROUP BY name HAVING count(DISTINCT api_key_hash) > 1
                    )
                ),
                api_key_label
            ) THEN api_key_label || ' (' || left(api_key_hash, 8) || ')'
            WHEN api_key_label IS NOT NULL THEN api_key_label
            WHEN api_key_hash IS NOT NULL THEN left(api_key_hash, 8)
            ELSE json_extract_string(extra, '$.api_key_id')
        END AS api_key_name,
        source,
        source_position,
        source_line,
        logged_at,
        log_fields,
        logged_usage,
        logged_byok_usage,
        account,
        fetched_at,
        run_id
    FROM booked
)

SELECT * FROM final;

COMMENT ON VIEW main.generation_facts IS 'One row per settled generation. Each dollar is booked once: total_usage = credits_usage + byok_usage. A record that several IDs brought has one row, see booked_under of generations and same_record of ops.data_quality. Times are UTC.';
COMMENT ON COLUMN main.generation_facts.generation_id IS 'The ID as it was asked for.';
COMMENT ON COLUMN main.generation_facts.requested_at IS 'Second of the request, taken from the ID; NULL for IDs from before October 2024. Unit: UTC.';
COMMENT ON COLUMN main.generation_facts.requested_day IS 'Day of the request; of created_at for IDs without a time. Unit: UTC.';
COMMENT ON COLUMN main.generation_facts.model IS 'Model that answered.';
COMMENT ON COLUMN main.generation_facts.model_author IS 'The part of the model before its slash.';
COMMENT ON COLUMN main.generation_facts.provider_name IS 'Provider that served the request.';
COMMENT ON COLUMN main.generation_facts.api_type IS 'API that was called: completions, embeddings, image, …';
COMMENT ON COLUMN main.generation_facts.router IS 'Router that chose the model; NULL if none.';
COMMENT ON COLUMN main.generation_facts.service_tier IS 'Service tier the provider reported; NULL if none.';
COMMENT ON COLUMN main.generation_facts.data_region IS 'Region it was routed through.';
COMMENT ON COLUMN main.generation_facts.total_usage IS 'What it cost in all: credits_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.credits_usage IS 'Charged by OpenRouter: openrouter_usage + byok_fees. It is usage, total_cost where the answer had no usage, and 0 where it had neither, see cost_basis. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.openrouter_usage IS 'Charged to credits for inference: credits_usage of generations without BYOK. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.byok_fees IS 'OpenRouter''s fee for BYOK generations. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.byok_usage IS 'Charged by the provider to your own key, estimated at market rates; 0 without BYOK, where usage contains it. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.cost_basis IS 'Why total_usage is what it is: credits; byok (fee and estimated inference); byok_unknown (the answer told the fee only, the inference is missing); total_cost (no usage in the answer, its total_cost is booked instead); free; response_cache (copied, no cost); unknown (neither usage nor total_cost in the answer, booked as 0).';
COMMENT ON COLUMN main.generation_facts.cache_discount IS 'Saved by prompt caching, already taken off usage; negative where writing the cache cost more. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.is_byok IS 'Whether your own provider key paid for the inference.';
COMMENT ON COLUMN main.generation_facts.is_response_cache_hit IS 'Whether it was copied from an earlier answer.';
COMMENT ON COLUMN main.generation_facts.response_cache_source_id IS 'The generation it was copied from, at no cost; it may be a copy itself; NULL if none.';
COMMENT ON COLUMN main.generation_facts.status IS 'failed if its attempts told a status and none was 2xx; else cancelled, failed, filtered, truncated or completed, from cancelled and finish_reason.';
COMMENT ON COLUMN main.generation_facts.finish_reason IS 'Why it ended, normalised; NULL if cancelled.';
COMMENT ON COLUMN main.generation_facts.streamed IS 'Whether the answer was streamed.';
COMMENT ON COLUMN main.generation_facts.cancelled IS 'Whether the client went away; it may have cost money all the same.';
COMMENT ON COLUMN main.generation_facts.native_tokens_prompt IS 'Prompt tokens by the provider''s count, which is what is billed; contains native_tokens_cached. Unit: tokens.';
COMMENT ON COLUMN main.generation_facts.native_tokens_completion IS 'Completion tokens by the provider''s count, which is what is billed; contains native_tokens_reasoning. Unit: tokens.';
COMMENT ON COLUMN main.generation_facts.native_tokens_reasoning IS 'Reasoning tokens; some providers report more than native_tokens_completion. Unit: tokens.';
COMMENT ON COLUMN main.generation_facts.native_tokens_cached IS 'Prompt tokens read from the provider''s cache. Unit: tokens.';
COMMENT ON COLUMN main.generation_facts.is_priced IS 'Whether the answer told both its whole cost and tokens, and was not copied from the response cache: the price per million tokens is made of these only.';
COMMENT ON COLUMN main.generation_facts.is_web_search IS 'Whether web pages were searched or fetched for it; their price is inside usage.';
COMMENT ON COLUMN main.generation_facts.web_search_engine IS 'Web search engine used; NULL if none.';
COMMENT ON COLUMN main.generation_facts.num_search_results IS 'Web search results used. Unit: results.';
COMMENT ON COLUMN main.generation_facts.num_fetches IS 'Web pages fetched. Unit: fetches.';
COMMENT ON COLUMN main.generation_facts.is_measured IS 'Whether its durations tell the speed that a user sees: a completion that was neither cancelled, failed or filtered, nor copied from the response cache. The latency views hold these only.';
COMMENT ON COLUMN main.generation_facts.latency_ms IS 'OpenRouter''s own latency: time to the first token if streamed, else to the whole answer; NULL if it was none or copied from the response cache. Unit: ms.';
COMMENT ON COLUMN main.generation_facts.ttft_ms IS 'Time to the first token; NULL if not streamed or copied from the response cache. Unit: ms.';
COMMENT ON COLUMN main.generation_facts.duration_ms IS 'Time to the whole answer: the larger of generation_time and latency, never their sum; NULL if copied from the response cache. Unit: ms.';
COMMENT ON COLUMN main.generation_facts.tokens_per_second IS 'Throughput: native_tokens_completion / generation_time; NULL without tokens. Unit: tokens/s.';
COMMENT ON COLUMN main.generation_facts.inter_token_ms IS 'Time between two tokens: (generation_time - latency) / (native_tokens_completion - 1); NULL if not streamed or of one token. Unit: ms.';
COMMENT ON COLUMN main.generation_facts.attempts IS 'Providers asked for it, fallbacks included. Unit: attempts.';
COMMENT ON COLUMN main.generation_facts.app_id IS 'App that made the request.';
COMMENT ON COLUMN main.generation_facts.origin IS 'Origin URL of the request; may be empty.';
COMMENT ON COLUMN main.generation_facts.external_user IS 'The end user you named in the request.';
COMMENT ON COLUMN main.generation_facts.session_id IS 'Groups the generations of one session.';
COMMENT ON COLUMN main.generation_facts.request_id IS 'Groups the generations of one API request.';
COMMENT ON COLUMN main.generation_facts.workspace_id IS 'Workspace it is attributed to.';
COMMENT ON COLUMN main.generation_facts.api_key_hash IS 'Hash of the API key that was used, see ops.api_keys; NULL where it is not certain.';
COMMENT ON COLUMN main.generation_facts.api_key_label IS 'Name of the API key that was used; NULL where discovery did not tell it. Several keys may have one name.';
COMMENT ON COLUMN main.generation_facts.api_key_id IS 'Number of the API key, where the answer tells it: an undocumented field that not every answer has.';
COMMENT ON COLUMN main.generation_facts.api_key_name IS 'The API key as reports name it: api_key_label, with the beginning of the hash where several keys have that name; where neither is known, api_key_id.';
COMMENT ON COLUMN main.generation_facts.source IS 'Where the ID was first seen: a file, or - for standard input.';
COMMENT ON COLUMN main.generation_facts.source_position IS 'Offset of the ID in the source''s text, that is decompressed and as UTF-8; NULL: it stands in the source''s name. Unit: bytes.';
COMMENT ON COLUMN main.generation_facts.source_line IS 'Number of its line there, from 1; NULL if unknown. Unit: lines.';
COMMENT ON COLUMN main.generation_facts.logged_at IS 'The log line''s own time, where it is obvious: one with a zone, or one that must be UTC beside requested_at. Unit: UTC.';
COMMENT ON COLUMN main.generation_facts.log_fields IS 'JSON object of the line''s fields named by --keep-field; NULL if it had none of them. log_fields->>''$.feature'' is one as text.';
COMMENT ON COLUMN main.generation_facts.logged_usage IS 'Charged by OpenRouter as the log tells it beside the ID: usage.cost of the answer; NULL if no line of it tells that for certain. No part of total_usage. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.logged_byok_usage IS 'Charged by the provider to your own key as the log tells it: usage.cost_details.upstream_inference_cost where usage.is_byok is true; NULL otherwise. Unit: USD.';
COMMENT ON COLUMN main.generation_facts.account IS 'Name of the configured account that answered; NULL if no accounts were configured.';
COMMENT ON COLUMN main.generation_facts.fetched_at IS 'When the answer arrived. Unit: UTC.';
COMMENT ON COLUMN main.generation_facts.run_id IS 'Run that stored it, see ops.runs.';

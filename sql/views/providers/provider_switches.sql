-- grain: one row per generation of a session that another provider served than the one before, by the same model
-- A prompt cache belongs to a provider: a session that is switched to another one pays for its whole prompt again.
CREATE OR REPLACE VIEW main.provider_switches AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

followed AS (
    SELECT
        *,
        lag(generation_id) OVER turns AS previous_generation_id,
        lag(provider_name) OVER turns AS from_provider,
        lag(native_tokens_cached) OVER turns AS cached_tokens_before
    FROM facts
    WHERE session_id IS NOT NULL
      AND requested_at IS NOT NULL
      AND provider_name IS NOT NULL
      AND NOT is_response_cache_hit
    WINDOW turns AS (PARTITION BY session_id, model ORDER BY requested_at, generation_id)
),

final AS (
    SELECT
        generation_id,
        requested_at,
        session_id,
        model,
        from_provider,
        provider_name AS to_provider,
        previous_generation_id,
        cached_tokens_before,
        native_tokens_cached AS cached_tokens,
        native_tokens_prompt AS tokens_prompt,
        coalesce(cached_tokens_before > 0 AND coalesce(native_tokens_cached, 0) = 0, false) AS lost_prompt_cache,
        coalesce(attempts > 1, false) AS was_fallback,
        total_usage
    FROM followed
    WHERE from_provider <> provider_name
)

SELECT * FROM final;

COMMENT ON VIEW main.provider_switches IS 'One row per generation of a session that was served by another provider than the session''s generation before it by the same model: where the prompt cache got lost.';
COMMENT ON COLUMN main.provider_switches.generation_id IS 'The ID.';
COMMENT ON COLUMN main.provider_switches.requested_at IS 'Second of the request. Unit: UTC.';
COMMENT ON COLUMN main.provider_switches.session_id IS 'The session.';
COMMENT ON COLUMN main.provider_switches.model IS 'Model that answered.';
COMMENT ON COLUMN main.provider_switches.from_provider IS 'Provider of the generation before.';
COMMENT ON COLUMN main.provider_switches.to_provider IS 'Provider that served this one.';
COMMENT ON COLUMN main.provider_switches.previous_generation_id IS 'The generation before.';
COMMENT ON COLUMN main.provider_switches.cached_tokens_before IS 'Prompt tokens the one before read from the cache. Unit: tokens.';
COMMENT ON COLUMN main.provider_switches.cached_tokens IS 'Prompt tokens this one read from the cache. Unit: tokens.';
COMMENT ON COLUMN main.provider_switches.tokens_prompt IS 'Prompt tokens of this one. Unit: tokens.';
COMMENT ON COLUMN main.provider_switches.lost_prompt_cache IS 'Whether the one before read from the cache and this one did not.';
COMMENT ON COLUMN main.provider_switches.was_fallback IS 'Whether an earlier attempt was made for this one, mostly at another provider.';
COMMENT ON COLUMN main.provider_switches.total_usage IS 'What this one cost in all. Unit: USD.';

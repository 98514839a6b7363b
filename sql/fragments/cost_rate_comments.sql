-- Comments on the cache hit rate and the cost per million tokens.
COMMENT ON COLUMN {relation}.cache_hit_rate IS 'Share of prompt tokens read from the provider''s cache: cached_tokens / tokens_prompt, 1 at most, for some providers report more cached than prompt tokens; NULL without prompt tokens. Unit: 0 to 1.';
COMMENT ON COLUMN {relation}.blended_cost_per_million_tokens IS 'Cost per million prompt and completion tokens, of the generations whose cost and tokens are both known (is_priced of generation_facts); NULL if there is none. Unit: USD per million tokens.';

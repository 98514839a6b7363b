-- Comments on the columns of cost_sums_of_facts and cost_sums_of_rollup.
COMMENT ON COLUMN {relation}.{count} IS 'Generations. Unit: generations.';
COMMENT ON COLUMN {relation}.total_usage IS 'What they cost in all: credits_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN {relation}.credits_usage IS 'Charged by OpenRouter: openrouter_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN {relation}.openrouter_usage IS 'Charged to credits for inference, without BYOK. Unit: USD.';
COMMENT ON COLUMN {relation}.byok_fees IS 'OpenRouter''s fees for BYOK. Unit: USD.';
COMMENT ON COLUMN {relation}.byok_usage IS 'Charged by providers to your own keys, estimated at market rates. Unit: USD.';
COMMENT ON COLUMN {relation}.cache_discount IS 'Saved by prompt caching, already taken off; negative where writing caches cost more. Unit: USD.';
COMMENT ON COLUMN {relation}.cancelled_usage IS 'The part of total_usage spent on cancelled generations. Unit: USD.';
COMMENT ON COLUMN {relation}.failed_usage IS 'The part of total_usage spent on failed generations. Unit: USD.';
COMMENT ON COLUMN {relation}.truncated_usage IS 'The part of total_usage spent on answers cut at a token limit. Unit: USD.';
COMMENT ON COLUMN {relation}.filtered_usage IS 'The part of total_usage spent on answers a content filter stopped. Unit: USD.';
COMMENT ON COLUMN {relation}.web_search_usage IS 'The part of total_usage spent on generations that searched or fetched web pages, inference included. Unit: USD.';
COMMENT ON COLUMN {relation}.response_cache_hits IS 'Generations copied from an earlier answer, at no cost. Unit: generations.';
COMMENT ON COLUMN {relation}.unknown_cost_count IS 'Generations whose answer did not tell their whole cost, which is booked as 0: see cost_basis. Unit: generations.';
COMMENT ON COLUMN {relation}.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN {relation}.tokens_completion IS 'Completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN {relation}.reasoning_tokens IS 'Reasoning tokens, which tokens_completion contains. Unit: tokens.';
COMMENT ON COLUMN {relation}.cached_tokens IS 'Prompt tokens read from providers'' caches, which tokens_prompt contains. Unit: tokens.';

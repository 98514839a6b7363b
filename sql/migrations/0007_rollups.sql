-- Rollups: what the views on cost and latency would otherwise sum up anew from all facts. They are made from the views
-- ops.cost_cells and ops.latency_samples, on the copy that is published, for the days and weeks that were written to.

CREATE TABLE ops.cost_rollup (
    requested_day DATE,
    model VARCHAR,
    provider_name VARCHAR,
    request_count BIGINT,
    total_usage DECIMAL(28,12),
    openrouter_usage DECIMAL(28,12),
    credits_usage DECIMAL(28,12),
    byok_fees DECIMAL(28,12),
    byok_usage DECIMAL(28,12),
    cache_discount DECIMAL(28,12),
    cancelled_usage DECIMAL(28,12),
    failed_usage DECIMAL(28,12),
    truncated_usage DECIMAL(28,12),
    filtered_usage DECIMAL(28,12),
    web_search_usage DECIMAL(28,12),
    response_cache_hits BIGINT,
    unknown_cost_count BIGINT,
    tokens_prompt BIGINT,
    tokens_completion BIGINT,
    tokens_reasoning BIGINT,
    tokens_cached BIGINT,
    priced_usage DECIMAL(28,12),
    priced_tokens BIGINT
);

COMMENT ON TABLE ops.cost_rollup IS 'One row per day (UTC), model and provider: sums over the facts, as of the last publish.';
COMMENT ON COLUMN ops.cost_rollup.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN ops.cost_rollup.model IS 'Model that answered.';
COMMENT ON COLUMN ops.cost_rollup.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN ops.cost_rollup.request_count IS 'Generations. Unit: generations.';
COMMENT ON COLUMN ops.cost_rollup.total_usage IS 'What they cost in all: openrouter_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.openrouter_usage IS 'Charged by OpenRouter: credits_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.credits_usage IS 'Charged to credits for inference, without BYOK. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.byok_fees IS 'OpenRouter''s fees for BYOK. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.byok_usage IS 'Charged by providers to your own keys, estimated at market rates. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.cache_discount IS 'Saved by prompt caching, already taken off; negative where writing caches cost more. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.cancelled_usage IS 'The part of total_usage spent on cancelled generations. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.failed_usage IS 'The part of total_usage spent on failed generations. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.truncated_usage IS 'The part of total_usage spent on answers cut at a token limit. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.filtered_usage IS 'The part of total_usage spent on answers a content filter stopped. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.web_search_usage IS 'The part of total_usage spent on generations that searched or fetched web pages, inference included. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.response_cache_hits IS 'Generations copied from an earlier answer, at no cost. Unit: generations.';
COMMENT ON COLUMN ops.cost_rollup.unknown_cost_count IS 'Generations whose answer did not tell their whole cost, which is booked as 0: see cost_basis. Unit: generations.';
COMMENT ON COLUMN ops.cost_rollup.tokens_prompt IS 'Prompt tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN ops.cost_rollup.tokens_completion IS 'Completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN ops.cost_rollup.tokens_reasoning IS 'Reasoning tokens, which tokens_completion contains. Unit: tokens.';
COMMENT ON COLUMN ops.cost_rollup.tokens_cached IS 'Prompt tokens read from providers'' caches, which tokens_prompt contains. Unit: tokens.';
COMMENT ON COLUMN ops.cost_rollup.priced_usage IS 'total_usage without response-cache hits. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.priced_tokens IS 'Prompt and completion tokens without response-cache hits. Unit: tokens.';

CREATE TABLE ops.latency_rollup (
    requested_week DATE,
    dimension VARCHAR,
    name VARCHAR,
    bucket BIGINT,
    request_count BIGINT,
    latency_samples BIGINT,
    ttft_samples BIGINT,
    duration_samples BIGINT,
    throughput_samples BIGINT,
    inter_token_samples BIGINT
);

COMMENT ON TABLE ops.latency_rollup IS 'One row per week, model or provider, and step of the histograms: how many generations were that fast, as of the last publish.';
COMMENT ON COLUMN ops.latency_rollup.requested_week IS 'Monday of the request''s week. Unit: UTC.';
COMMENT ON COLUMN ops.latency_rollup.dimension IS 'What name names: model or provider. Each sample is counted under both.';
COMMENT ON COLUMN ops.latency_rollup.name IS 'The model or the provider; NULL where the answer named none.';
COMMENT ON COLUMN ops.latency_rollup.bucket IS 'The step: from 1.02^bucket to 1.02^(bucket + 1). Unit: ms or tokens/s, by metric.';
COMMENT ON COLUMN ops.latency_rollup.request_count IS 'Generations measured; all of them stand at bucket 0. Unit: generations.';
COMMENT ON COLUMN ops.latency_rollup.latency_samples IS 'Generations whose latency_ms lies in that step. Unit: generations.';
COMMENT ON COLUMN ops.latency_rollup.ttft_samples IS 'Generations whose ttft_ms lies in that step. Unit: generations.';
COMMENT ON COLUMN ops.latency_rollup.duration_samples IS 'Generations whose duration_ms lies in that step. Unit: generations.';
COMMENT ON COLUMN ops.latency_rollup.throughput_samples IS 'Generations whose tokens_per_second lies in that step. Unit: generations.';
COMMENT ON COLUMN ops.latency_rollup.inter_token_samples IS 'Generations whose inter_token_ms lies in that step. Unit: generations.';

CREATE TABLE ops.activity (
    activity_day DATE,
    model VARCHAR,
    model_permaslug VARCHAR,
    endpoint_id VARCHAR,
    provider_name VARCHAR,
    usage DECIMAL(28,12),
    byok_usage_inference DECIMAL(28,12),
    requests BIGINT,
    prompt_tokens BIGINT,
    completion_tokens BIGINT,
    reasoning_tokens BIGINT,
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.activity IS 'One row per day, model and endpoint: what OpenRouter says was used. Source: GET /activity, the last 30 completed days (UTC). Empty until it was asked.';
COMMENT ON COLUMN ops.activity.activity_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.activity.model IS 'Model.';
COMMENT ON COLUMN ops.activity.model_permaslug IS 'Canonical slug of the model.';
COMMENT ON COLUMN ops.activity.endpoint_id IS 'OpenRouter''s endpoint.';
COMMENT ON COLUMN ops.activity.provider_name IS 'Provider that served the requests.';
COMMENT ON COLUMN ops.activity.usage IS 'Charged by OpenRouter. Unit: USD.';
COMMENT ON COLUMN ops.activity.byok_usage_inference IS 'Charged by providers to your own keys, estimated. Unit: USD.';
COMMENT ON COLUMN ops.activity.requests IS 'Requests. Unit: requests.';
COMMENT ON COLUMN ops.activity.prompt_tokens IS 'Prompt tokens. Unit: tokens.';
COMMENT ON COLUMN ops.activity.completion_tokens IS 'Completion tokens. Unit: tokens.';
COMMENT ON COLUMN ops.activity.reasoning_tokens IS 'Reasoning tokens. Unit: tokens.';
COMMENT ON COLUMN ops.activity.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';

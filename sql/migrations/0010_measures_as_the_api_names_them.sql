-- Measures of the rollup get the names that OpenRouter's Analytics API has for them: what it calls credits_usage was
-- openrouter_usage here, and the other way round.

ALTER TABLE ops.cost_rollup RENAME COLUMN openrouter_usage TO charged;
ALTER TABLE ops.cost_rollup RENAME COLUMN credits_usage TO openrouter_usage;
ALTER TABLE ops.cost_rollup RENAME COLUMN charged TO credits_usage;
COMMENT ON COLUMN ops.cost_rollup.total_usage IS 'What they cost in all: credits_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.credits_usage IS 'Charged by OpenRouter, to credits: openrouter_usage + byok_fees. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.openrouter_usage IS 'Charged by OpenRouter for inference, without BYOK. Unit: USD.';

ALTER TABLE ops.cost_rollup RENAME COLUMN tokens_reasoning TO reasoning_tokens;
ALTER TABLE ops.cost_rollup RENAME COLUMN tokens_cached TO cached_tokens;

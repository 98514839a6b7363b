-- What the price per million tokens is made of: the columns stay, what counts in them is told anew.

COMMENT ON COLUMN ops.cost_rollup.priced_usage IS 'total_usage of the generations whose cost and tokens are both known, without response-cache hits: see is_priced of generation_facts. Unit: USD.';
COMMENT ON COLUMN ops.cost_rollup.priced_tokens IS 'Prompt and completion tokens of the same generations as priced_usage. Unit: tokens.';

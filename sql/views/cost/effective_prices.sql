-- grain: one row per day (UTC), model and provider
-- What a million input, cached and output tokens really cost, how that changed, and which provider of the model was
-- cheaper. The API tells only the cost of a whole answer: prices are those that explain the costs of the day best.
CREATE OR REPLACE VIEW main.effective_prices AS
WITH
-- include: effective_prices period=requested_day source=main.generation_facts

SELECT * FROM final;

COMMENT ON VIEW main.effective_prices IS 'One row per day (UTC), model and provider: what a million input, cached and output tokens really cost, found by least squares over the day''s answers. Of generations whose cost and tokens are known (is_priced), that completed or were truncated, without web search.';
COMMENT ON COLUMN main.effective_prices.requested_day IS 'Day of the request. Unit: UTC.';
COMMENT ON COLUMN main.effective_prices.model IS 'Model that answered.';
COMMENT ON COLUMN main.effective_prices.provider_name IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.effective_prices.request_count IS 'Generations the prices are made of. Unit: generations.';
COMMENT ON COLUMN main.effective_prices.total_usage IS 'What they cost in all, BYOK inference included. Unit: USD.';
COMMENT ON COLUMN main.effective_prices.tokens_input IS 'Their prompt tokens, without cached ones. Unit: tokens.';
COMMENT ON COLUMN main.effective_prices.cached_tokens IS 'Their prompt tokens read from the provider''s cache. Unit: tokens.';
COMMENT ON COLUMN main.effective_prices.tokens_output IS 'Their completion tokens, reasoning included. Unit: tokens.';
COMMENT ON COLUMN main.effective_prices.input_price IS 'Price of input tokens; NULL if there are none, or if the kinds cannot be told apart, as in a single answer. Unit: USD per million tokens.';
COMMENT ON COLUMN main.effective_prices.cached_price IS 'Price of cached input tokens; NULL as for input_price. Unit: USD per million tokens.';
COMMENT ON COLUMN main.effective_prices.output_price IS 'Price of output tokens; NULL as for input_price. Unit: USD per million tokens.';
COMMENT ON COLUMN main.effective_prices.blended_price IS 'total_usage per million tokens of any kind. Unit: USD per million tokens.';
COMMENT ON COLUMN main.effective_prices.unexplained_share IS 'How far the prices miss the costs of single answers: 0 if one price list explains them all; more with cache writes, BYOK fees, tiers or a change within the day. Unit: 0 to 1.';
COMMENT ON COLUMN main.effective_prices.price_change IS 'Cost of this row''s tokens at its prices, over that at the prices last known before, less 1: 0.1 is 10 % dearer; NULL if either is unknown or was free, or if too few answers are behind it. Unit: share.';
COMMENT ON COLUMN main.effective_prices.cheaper_provider IS 'Provider at whose prices of that day the same tokens would have cost least; NULL if none was cheaper by more than 1 %, or if too few answers are behind its prices.';
COMMENT ON COLUMN main.effective_prices.saveable_usage IS 'What that provider would have saved; NULL without one. Unit: USD.';

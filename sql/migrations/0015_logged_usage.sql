-- What the program was told that a generation cost, as its log line repeats it.

ALTER TABLE main.generations ADD COLUMN logged_usage DECIMAL(18,12);
ALTER TABLE main.generations ADD COLUMN logged_byok_usage DECIMAL(18,12);

COMMENT ON COLUMN main.generations.logged_usage IS 'Charged by OpenRouter as the log tells it beside the ID: usage.cost of the answer; NULL if no line of it tells that for certain. Unit: USD.';
COMMENT ON COLUMN main.generations.logged_byok_usage IS 'Charged by the provider to your own key as the log tells it: usage.cost_details.upstream_inference_cost where usage.is_byok is true; NULL otherwise. Unit: USD.';

ALTER TABLE ops.work ADD COLUMN logged_usage DECIMAL(18,12);
ALTER TABLE ops.work ADD COLUMN logged_byok_usage DECIMAL(18,12);

COMMENT ON COLUMN ops.work.logged_usage IS 'Charged by OpenRouter as the log tells it beside the ID: usage.cost of the answer; NULL if no line of it tells that for certain. Unit: USD.';
COMMENT ON COLUMN ops.work.logged_byok_usage IS 'Charged by the provider to your own key as the log tells it: usage.cost_details.upstream_inference_cost where usage.is_byok is true; NULL otherwise. Unit: USD.';

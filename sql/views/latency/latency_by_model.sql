-- grain: one row per model with a measured completion
-- Cancelled and failed generations, response-cache hits and everything but completions are left out:
-- their durations say nothing of the speed that a user sees. A percentile is the middle of the step of the histogram
-- in which the sample of that rank lies.
CREATE OR REPLACE VIEW main.latency_by_model AS
-- include: latency_of_histograms column=model dimension=model

COMMENT ON VIEW main.latency_by_model IS 'One row per model with a measured completion: how fast it was over all of history. Cancelled, failed and filtered generations, response-cache hits and other APIs than completions are left out. Percentiles come from a histogram with 2 % wide steps, as of the last publish: within 1 % of the exact sample; the sample is named beside each.';
COMMENT ON COLUMN main.latency_by_model.model IS 'Model that answered; NULL where the answer named none.';
COMMENT ON COLUMN main.latency_by_model.request_count IS 'Generations measured. Unit: generations.';
-- include: latency_comments relation=main.latency_by_model
-- include: duration_comments relation=main.latency_by_model

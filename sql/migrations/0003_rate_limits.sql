-- What a run learnt about the server's limit, so that the next one need not search again, and how it fared with it.

CREATE TABLE ops.rate_limits (
    host VARCHAR,
    rate DOUBLE,
    burst DOUBLE,
    learned_at TIMESTAMP,
    run_id VARCHAR
);

COMMENT ON TABLE ops.rate_limits IS 'One row per API host: the limit last measured there, which the next run begins with.';
COMMENT ON COLUMN ops.rate_limits.host IS 'Host of the API, with its port if the URL names one.';
COMMENT ON COLUMN ops.rate_limits.rate IS 'Requests it let through in the long run. Unit: requests/s.';
COMMENT ON COLUMN ops.rate_limits.burst IS 'Requests it let through at once. Unit: requests.';
COMMENT ON COLUMN ops.rate_limits.learned_at IS 'When it was measured. Unit: UTC.';
COMMENT ON COLUMN ops.rate_limits.run_id IS 'The run that measured it.';

ALTER TABLE ops.runs ADD COLUMN waste DOUBLE;
ALTER TABLE ops.runs ADD COLUMN throttled_seconds DOUBLE;
ALTER TABLE ops.runs ADD COLUMN request_ms_p50 DOUBLE;
ALTER TABLE ops.runs ADD COLUMN request_ms_p95 DOUBLE;
ALTER TABLE ops.runs ADD COLUMN rate_limit DOUBLE;

COMMENT ON COLUMN ops.runs.waste IS 'Share of requests answered 429, 503 or 529; NULL without requests. Unit: 0 to 1.';
COMMENT ON COLUMN ops.runs.throttled_seconds IS 'Time in which the server''s answers kept every request waiting. Unit: s.';
COMMENT ON COLUMN ops.runs.request_ms_p50 IS 'Median time from sending a request to its whole answer; NULL without answers. Unit: ms.';
COMMENT ON COLUMN ops.runs.request_ms_p95 IS '95 % of requests took no longer than this; NULL without answers. Unit: ms.';
COMMENT ON COLUMN ops.runs.rate_limit IS 'Limit that the run measured; NULL if it met none. Unit: requests/s.';

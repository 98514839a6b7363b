-- Comments on the first and the last day.
COMMENT ON COLUMN {relation}.first_day IS 'First day with such a request. Unit: UTC.';
COMMENT ON COLUMN {relation}.last_day IS 'Last day with such a request. Unit: UTC.';

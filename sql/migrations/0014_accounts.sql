-- Several accounts in one run: which of them answered for each ID, which is to be asked first, and the limit of each.

ALTER TABLE main.generations ADD COLUMN account VARCHAR;
COMMENT ON COLUMN main.generations.account IS 'Name of the configured account that answered; NULL if no accounts were configured.';

ALTER TABLE ops.work ADD COLUMN account VARCHAR;
COMMENT ON COLUMN ops.work.account IS 'Name of the account that the ID''s source names, which is asked first; NULL if it names none.';

ALTER TABLE ops.rate_limits ADD COLUMN account VARCHAR;
COMMENT ON TABLE ops.rate_limits IS 'One row per API host and account: the limit last measured there, which the next run begins with.';
COMMENT ON COLUMN ops.rate_limits.account IS 'Name of the configured account; NULL if no accounts were configured.';

COMMENT ON COLUMN ops.runs.rate_limit IS 'Limit that the run measured, of all its accounts together; NULL if it met none. Unit: requests/s.';

-- What decides how a generation is booked and cannot be seen in its own row. Latency percentiles are computed from the
-- facts, exactly, so their histograms go.

ALTER TABLE main.generations ADD COLUMN all_attempts_failed BOOLEAN;

COMMENT ON COLUMN main.generations.all_attempts_failed IS 'Whether its attempts told a status and none was 2xx, so that it failed whatever finish_reason says.';

ALTER TABLE main.generations ADD COLUMN booked_under VARCHAR;

COMMENT ON COLUMN main.generations.booked_under IS 'The other ID that brought the same record and under which it is booked, as of the last publish; NULL: it is booked here.';

COMMENT ON COLUMN main.generations.total_cost IS 'Total cost; equal to usage in every answer seen that had both, and booked where usage is missing. Unit: USD.';

DROP VIEW IF EXISTS ops.latency_samples;

DROP TABLE ops.latency_rollup;

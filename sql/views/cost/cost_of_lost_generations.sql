-- grain: one row per day (UTC), reason and source of IDs that were given up
-- What IDs cost that OpenRouter never told: what their log says, which nobody has confirmed. No other view has it in
-- total_usage.
CREATE OR REPLACE VIEW main.cost_of_lost_generations AS
WITH facts AS (
    SELECT * FROM ops.work
    WHERE state = 'dead'
),

final AS (
    SELECT
        CAST(coalesce(requested_at, logged_at) AS DATE) AS requested_day,
        reason,
        source,
        'logged' AS cost_basis,
        CAST(count(*) AS BIGINT) AS id_count,
        CAST(count(*) FILTER (WHERE logged_usage IS NULL) AS BIGINT) AS unknown_cost_count,
        CAST(coalesce(sum(logged_usage), 0) + coalesce(sum(logged_byok_usage), 0) AS DECIMAL(28, 12)) AS logged_only_usage,
        CAST(coalesce(sum(logged_usage), 0) AS DECIMAL(28, 12)) AS logged_usage,
        CAST(coalesce(sum(logged_byok_usage), 0) AS DECIMAL(28, 12)) AS logged_byok_usage
    FROM facts
    GROUP BY ALL
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_of_lost_generations IS 'One row per day (UTC), reason and source of IDs that were given up: what they cost as their log tells it, which no answer of OpenRouter has confirmed. No other view has it in total_usage.';
COMMENT ON COLUMN main.cost_of_lost_generations.requested_day IS 'Day of the request, taken from the ID; of the log line for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN main.cost_of_lost_generations.reason IS 'Why they were given up: not_found, bad_response or http_ and a status.';
COMMENT ON COLUMN main.cost_of_lost_generations.source IS 'Where the IDs were first seen: a file, or - for standard input.';
COMMENT ON COLUMN main.cost_of_lost_generations.cost_basis IS 'Always logged: what the log tells, see cost_basis of generation_facts for what answers tell.';
COMMENT ON COLUMN main.cost_of_lost_generations.id_count IS 'IDs that were given up. Unit: IDs.';
COMMENT ON COLUMN main.cost_of_lost_generations.unknown_cost_count IS 'Those of them of which the log tells no cost either; they are 0 in the sums. Unit: IDs.';
COMMENT ON COLUMN main.cost_of_lost_generations.logged_only_usage IS 'What the others cost in all, as the log tells it: logged_usage + logged_byok_usage. Unit: USD.';
COMMENT ON COLUMN main.cost_of_lost_generations.logged_usage IS 'Charged by OpenRouter, as the log tells it. Unit: USD.';
COMMENT ON COLUMN main.cost_of_lost_generations.logged_byok_usage IS 'Charged by providers to your own keys, as the log tells it. Unit: USD.';

-- grain: one row per day (UTC), model, app and source with generations whose log tells a cost
-- What was billed against what the log says, of the same generations. Those whose answer told no cost, or whose log tells
-- none, are in no sum.
CREATE OR REPLACE VIEW main.cost_drift AS
WITH facts AS (
    SELECT
        *,
        CAST(credits_usage - logged_usage AS DECIMAL(28, 12)) AS drift
    FROM main.generation_facts
    WHERE logged_usage IS NOT NULL
      AND cost_basis <> 'unknown'
),

summed AS (
    SELECT
        requested_day,
        model,
        app_id,
        source,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(count(*) FILTER (WHERE drift <> 0) AS BIGINT) AS drifted_count,
        CAST(sum(logged_usage) AS DECIMAL(28, 12)) AS logged_usage,
        CAST(sum(credits_usage) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(sum(drift) AS DECIMAL(28, 12)) AS drift_usage,
        CAST(max(abs(drift)) AS DECIMAL(28, 12)) AS largest_drift,
        count(*) FILTER (WHERE logged_byok_usage IS NOT NULL AND cost_basis <> 'byok_unknown') AS byok_count,
        sum(logged_byok_usage) FILTER (WHERE cost_basis <> 'byok_unknown') AS logged_byok,
        sum(byok_usage) FILTER (WHERE logged_byok_usage IS NOT NULL AND cost_basis <> 'byok_unknown') AS byok
    FROM facts
    GROUP BY requested_day, model, app_id, source
),

final AS (
    SELECT
        requested_day,
        model,
        app_id,
        source,
        request_count,
        drifted_count,
        logged_usage,
        credits_usage,
        drift_usage,
        CAST(drift_usage / nullif(abs(logged_usage), 0) AS DOUBLE) AS drift_share,
        largest_drift,
        CAST(byok_count AS BIGINT) AS byok_request_count,
        CAST(coalesce(logged_byok, 0) AS DECIMAL(28, 12)) AS logged_byok_usage,
        CAST(coalesce(byok, 0) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(coalesce(byok, 0) - coalesce(logged_byok, 0) AS DECIMAL(28, 12)) AS byok_drift_usage
    FROM summed
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_drift IS 'One row per day (UTC), model, app and source: what was billed against what the log tells, of the generations of which both are known.';
COMMENT ON COLUMN main.cost_drift.requested_day IS 'Day of the request; of created_at for IDs without a time. Unit: UTC.';
COMMENT ON COLUMN main.cost_drift.model IS 'Model that answered; NULL where the answer named none.';
COMMENT ON COLUMN main.cost_drift.app_id IS 'App that made the requests; NULL where none was named.';
COMMENT ON COLUMN main.cost_drift.source IS 'Where the IDs were first seen: a file, or - for standard input.';
COMMENT ON COLUMN main.cost_drift.request_count IS 'Generations whose cost both the answer and the log tell. Unit: generations.';
COMMENT ON COLUMN main.cost_drift.drifted_count IS 'Those of them for which the two differ. Unit: generations.';
COMMENT ON COLUMN main.cost_drift.logged_usage IS 'Charged by OpenRouter, as the log tells it. Unit: USD.';
COMMENT ON COLUMN main.cost_drift.credits_usage IS 'Charged by OpenRouter, as billed. Unit: USD.';
COMMENT ON COLUMN main.cost_drift.drift_usage IS 'credits_usage - logged_usage: above 0 if more was billed than the program was told. Unit: USD.';
COMMENT ON COLUMN main.cost_drift.drift_share IS 'drift_usage as a share of what the log tells; NULL if that is 0. Unit: 0 to 1.';
COMMENT ON COLUMN main.cost_drift.largest_drift IS 'Largest difference of one generation, without its sign. Unit: USD.';
COMMENT ON COLUMN main.cost_drift.byok_request_count IS 'Those of them whose BYOK inference both tell. Unit: generations.';
COMMENT ON COLUMN main.cost_drift.logged_byok_usage IS 'Charged by providers to your own keys for those, as the log tells it. Unit: USD.';
COMMENT ON COLUMN main.cost_drift.byok_usage IS 'Charged by providers to your own keys for those, as OpenRouter estimates it. Unit: USD.';
COMMENT ON COLUMN main.cost_drift.byok_drift_usage IS 'byok_usage - logged_byok_usage. Unit: USD.';

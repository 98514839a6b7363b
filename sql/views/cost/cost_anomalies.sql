-- grain: one row per day (UTC) and account or model whose cost stands out
-- The account's total is compared as well as each model. The rules are those of the fragment below.
CREATE OR REPLACE VIEW main.cost_anomalies AS
WITH daily AS (
    SELECT
        requested_day,
        model AS key,
        sum(total_usage) AS total_usage,
        sum(request_count) AS request_count
    FROM ops.cost_rollup
    WHERE
        -- include: believed_day
    GROUP BY requested_day, model
),

-- include: unusual_days

final AS (
    SELECT
        requested_day,
        CASE WHEN is_account THEN 'account' ELSE 'model' END AS scope,
        key AS model,
        kind,
        total_usage,
        expected_usage,
        CAST(total_usage - expected_usage AS DECIMAL(28, 12)) AS excess_usage,
        score,
        request_count,
        history_days
    FROM unusual
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_anomalies IS 'One row per day and model whose cost stands out, and one for the account if its total does. A day is compared with the level of the 7 days before it and its weekday. A difference of less than 5 % of the account''s median day never stands out, and nothing does in its first 14 days but a new model. The newest day is left out, because it may not be over.';
COMMENT ON COLUMN main.cost_anomalies.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN main.cost_anomalies.scope IS 'What stands out: account (the total) or model.';
COMMENT ON COLUMN main.cost_anomalies.model IS 'Model that answered; NULL also if scope is account.';
COMMENT ON COLUMN main.cost_anomalies.kind IS 'up (more than usual), down (less), new (a model without a request in the 28 days before; the first day that it costs 5 % of the account''s median day) or stopped (no request, where 10 or more are usual).';
COMMENT ON COLUMN main.cost_anomalies.total_usage IS 'What it cost that day. Unit: USD.';
COMMENT ON COLUMN main.cost_anomalies.expected_usage IS 'What such a weekday usually costs: the level of the 7 days before it, times the index of the weekday. Of a model with fewer than 10 requests on its median day: the mean of the 56 days before. Unit: USD.';
COMMENT ON COLUMN main.cost_anomalies.excess_usage IS 'total_usage - expected_usage; negative if the day was unusually cheap. Unit: USD.';
COMMENT ON COLUMN main.cost_anomalies.score IS 'excess_usage in robust standard deviations; NULL if kind is new, or the model has fewer than 10 requests on its median day. Unit: standard deviations.';
COMMENT ON COLUMN main.cost_anomalies.request_count IS 'Generations of that day. Unit: generations.';
COMMENT ON COLUMN main.cost_anomalies.history_days IS 'Days before it since the first, 56 at most. Unit: days.';

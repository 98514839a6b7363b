-- grain: one row per day and model whose cost stands out
-- A day is compared with the median of the model's own days with traffic among the 28 days before it, at least 7.
-- Its distance is counted in robust standard deviations: 1.4826 times the median absolute deviation (MAD), but at least
-- 5 % of the median and a millionth of a dollar, so that a flat history does not make every cent an alarm. It stands out
-- when it is more than 3.5 of them away.
CREATE OR REPLACE VIEW main.cost_anomalies AS
WITH cells AS (
    SELECT * FROM ops.cost_rollup
    WHERE requested_day IS NOT NULL
),

daily AS (
    SELECT
        requested_day,
        model,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        sum(request_count) AS request_count
    FROM cells
    GROUP BY requested_day, model
),

compared AS (
    SELECT
        daily.requested_day,
        daily.model,
        daily.total_usage,
        daily.request_count,
        before.total_usage AS usage_before,
        median(before.total_usage) OVER (PARTITION BY daily.requested_day, daily.model) AS median_usage
    FROM daily
    JOIN daily AS before
        ON before.model IS NOT DISTINCT FROM daily.model
        AND before.requested_day < daily.requested_day
        AND before.requested_day >= daily.requested_day - 28
),

scored AS (
    SELECT
        requested_day,
        model,
        total_usage,
        request_count,
        median_usage,
        count(*) AS history_days,
        greatest(
            1.4826 * CAST(median(abs(usage_before - median_usage)) AS DOUBLE),
            0.05 * CAST(median_usage AS DOUBLE),
            0.000001
        ) AS deviation
    FROM compared
    GROUP BY requested_day, model, total_usage, request_count, median_usage
),

final AS (
    SELECT
        requested_day,
        model,
        CAST(total_usage AS DECIMAL(28, 12)) AS total_usage,
        CAST(median_usage AS DECIMAL(28, 12)) AS median_usage,
        CAST(total_usage - median_usage AS DECIMAL(28, 12)) AS excess_usage,
        (total_usage - median_usage) / deviation AS score,
        CAST(request_count AS BIGINT) AS request_count,
        CAST(history_days AS BIGINT) AS history_days
    FROM scored
    WHERE history_days >= 7
        AND abs(total_usage - median_usage) > 3.5 * deviation
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_anomalies IS 'One row per day and model whose cost stands out from the model''s own 28 days before, by median and median absolute deviation (MAD). The newest day may not be over. Days without traffic are not compared.';
COMMENT ON COLUMN main.cost_anomalies.requested_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN main.cost_anomalies.model IS 'Model that answered.';
COMMENT ON COLUMN main.cost_anomalies.total_usage IS 'What the model cost that day. Unit: USD.';
COMMENT ON COLUMN main.cost_anomalies.median_usage IS 'Median of its days with traffic among the 28 before. Unit: USD.';
COMMENT ON COLUMN main.cost_anomalies.excess_usage IS 'total_usage - median_usage; negative if the day was unusually cheap. Unit: USD.';
COMMENT ON COLUMN main.cost_anomalies.score IS 'excess_usage in robust standard deviations; beyond 3.5 a day is listed. Unit: standard deviations.';
COMMENT ON COLUMN main.cost_anomalies.request_count IS 'Generations of that day. Unit: generations.';
COMMENT ON COLUMN main.cost_anomalies.history_days IS 'Days it was compared with, at least 7. Unit: days.';

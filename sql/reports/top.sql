-- What the generations of each request, session or user cost, by up to three dimensions, the dearest first; periods, parts
-- and $top as in reports/cost.sql. A percentile is the cost of one of them, by the nearest rank; the 95th is NULL where
-- there are fewer than 20. The columns group_… are the same in each row: of the totals of all rows that have a name.
-- include: period_shifts

-- include: period_facts condition=true

keyed AS (
    SELECT
        -- include: keys dimensions=fact_dimensions
        coalesce(requested_at, local_at) AS began,
        generation_id,
        total_usage
    FROM timed
),

groups AS (
    SELECT
        key_1,
        key_2,
        key_3,
        sum(total_usage) AS total_usage
    FROM keyed
    GROUP BY key_1, key_2, key_3
),

distribution AS (
    SELECT
        count(*) AS group_count,
        quantile_disc(total_usage, 0.5) AS median_group_usage,
        CASE WHEN count(*) >= 20 THEN quantile_disc(total_usage, 0.95) END AS p95_group_usage,
        max(total_usage) AS max_group_usage
    FROM groups
    WHERE coalesce(key_1, key_2, key_3) IS NOT NULL
),

ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY total_usage DESC, key_1, key_2, key_3) > CAST($top AS BIGINT) AS is_rest
    FROM groups
),

kept AS (
    SELECT
        CASE WHEN NOT coalesce(ranked.is_rest, false) THEN keyed.key_1 END AS key_1,
        CASE WHEN NOT coalesce(ranked.is_rest, false) THEN keyed.key_2 END AS key_2,
        CASE WHEN NOT coalesce(ranked.is_rest, false) THEN keyed.key_3 END AS key_3,
        CASE WHEN ranked.is_rest THEN 1 ELSE 0 END AS part,
        keyed.began,
        keyed.generation_id,
        keyed.total_usage
    FROM keyed
    JOIN ranked
        ON keyed.key_1 IS NOT DISTINCT FROM ranked.key_1
        AND keyed.key_2 IS NOT DISTINCT FROM ranked.key_2
        AND keyed.key_3 IS NOT DISTINCT FROM ranked.key_3
),

added AS (
    SELECT
        -- include: summed_keys
        count(*) AS generation_count,
        sum(total_usage) AS total_usage,
        quantile_disc(total_usage, 0.5) AS median_usage,
        CASE WHEN count(*) >= 20 THEN quantile_disc(total_usage, 0.95) END AS p95_usage,
        max(total_usage) AS max_usage,
        arg_min(generation_id, {'less': -total_usage, 'id': generation_id}) AS dearest_generation_id
    FROM kept
    GROUP BY GROUPING SETS ((part, key_1, key_2, key_3), ())
),

final AS (
    SELECT
        -- include: final_keys
        CAST(generation_count AS BIGINT) AS generation_count,
        CAST(coalesce(total_usage, 0) AS DECIMAL(28, 12)) AS total_usage,
        CAST(total_usage / (SELECT nullif(sum(total_usage), 0) FROM groups) AS DOUBLE) AS share_of_usage,
        CAST(median_usage AS DECIMAL(28, 12)) AS median_usage,
        CAST(p95_usage AS DECIMAL(28, 12)) AS p95_usage,
        CAST(max_usage AS DECIMAL(28, 12)) AS max_usage,
        dearest_generation_id,
        CAST(group_count AS BIGINT) AS group_count,
        CAST(median_group_usage AS DECIMAL(28, 12)) AS median_group_usage,
        CAST(p95_group_usage AS DECIMAL(28, 12)) AS p95_group_usage,
        CAST(max_group_usage AS DECIMAL(28, 12)) AS max_group_usage
    FROM added
    CROSS JOIN distribution
)

-- include: key_order measure=total_usage

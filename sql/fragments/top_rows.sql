-- CTEs: the first $top rows of cells in the given order are part 0, the others part 1 (the rest), without their key.
ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY {order}, key) > CAST($top AS BIGINT) AS is_rest
    FROM cells
),

kept AS (
    SELECT
        * REPLACE (CASE WHEN NOT coalesce(is_rest, false) THEN key END AS key),
        CASE WHEN is_rest THEN 1 ELSE 0 END AS part
    FROM ranked
),

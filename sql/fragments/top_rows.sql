-- CTEs: the $top rows of cells with the largest {measure} are part 0, the others part 1 (the rest), without their keys.
ranked AS (
    SELECT
        *,
        row_number() OVER (ORDER BY {measure} DESC, key_1, key_2, key_3) > CAST($top AS BIGINT) AS is_rest
    FROM cells
),

kept AS (
    SELECT
        * REPLACE (
            CASE WHEN NOT coalesce(is_rest, false) THEN key_1 END AS key_1,
            CASE WHEN NOT coalesce(is_rest, false) THEN key_2 END AS key_2,
            CASE WHEN NOT coalesce(is_rest, false) THEN key_3 END AS key_3
        ),
        CASE WHEN is_rest THEN 1 ELSE 0 END AS part
    FROM ranked
),

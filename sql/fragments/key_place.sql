-- Terms of ORDER BY: the place of a value among those of its dimension, where the dimensions before it have one value.
    CASE
        WHEN {by} IN ('hour', 'day', 'week', 'month') THEN epoch_us(min(began) OVER (PARTITION BY part, {keys}))
        WHEN {by} = 'length' THEN TRY_CAST(split_part({key}, '-', 1) AS BIGINT)
    END,
    CASE
        WHEN {by} NOT IN ('hour', 'day', 'week', 'month', 'length') THEN sum({measure}) OVER (PARTITION BY part, {keys})
    END DESC,
    {key},

-- CTE: the team of each generation of the period that the mapping file gives one. Of several lines that fit the first
-- counts. Values are marked as those of filters are.
team_map AS (
    SELECT
        unnest(CAST($team_dimensions AS VARCHAR[])) AS mapped_dimension,
        unnest(CAST($team_values AS VARCHAR[])) AS mapped_value,
        unnest(CAST($team_names AS VARCHAR[])) AS mapped_team,
        unnest(range(len($team_names))) AS place
),

teams AS (
    SELECT
        generation_id,
        arg_min(mapped_team, place) AS team
    FROM (
        SELECT
            *,
            CAST(NULL AS TIMESTAMP) AS local_at,
            CAST(NULL AS VARCHAR) AS label,
            CAST(NULL AS VARCHAR) AS team,
            unnest(CAST($mapped_dimensions AS VARCHAR[])) AS dimension
        FROM main.generation_facts
        WHERE len($mapped_dimensions) > 0
          AND (requested_at IS NULL OR (requested_at >= $since AND requested_at < $until))
    )
    JOIN team_map
        ON mapped_dimension = dimension
        AND mapped_value = coalesce(
            '=' ||
            -- include: fact_dimensions name=dimension
            , ''
        )
    GROUP BY generation_id
),

-- CTE: each response-cache hit with the answer that was paid for and that it is a copy of, in however many steps, if that is
-- in the warehouse. A hit names its source by the source's record or by an ID that brought it. The copies of a paid answer
-- come first, then the copies of those, and so on, so each hit comes at most once, and hits that are copies of each other
-- never come.
paid_answers AS (
    WITH RECURSIVE records AS (
        SELECT DISTINCT
            id,
            coalesce(booked_under, generation_id) AS booked_under
        FROM main.generations
        WHERE id <> generation_id
          AND id LIKE 'gen-%'
    ),

    doubles AS (
        SELECT
            generation_id,
            booked_under
        FROM main.generations
        WHERE booked_under IS NOT NULL
    ),

    hits AS (
        SELECT
            facts.generation_id,
            coalesce(records.booked_under, doubles.booked_under, facts.response_cache_source_id) AS source_id
        FROM main.generation_facts AS facts
        LEFT JOIN records ON records.id = facts.response_cache_source_id
        LEFT JOIN doubles ON doubles.generation_id = facts.response_cache_source_id
        WHERE facts.is_response_cache_hit
    ),

    copies AS (
        SELECT
            hits.generation_id,
            paid.generation_id AS paid_id,
            paid.total_usage AS copied_usage
        FROM hits
        JOIN main.generation_facts AS paid ON paid.generation_id = hits.source_id
        WHERE NOT paid.is_response_cache_hit
        UNION ALL
        SELECT
            hits.generation_id,
            copies.paid_id,
            copies.copied_usage
        FROM copies
        JOIN hits ON hits.source_id = copies.generation_id
    )

    SELECT * FROM copies
),

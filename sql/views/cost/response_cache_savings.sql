-- grain: one row per model with response-cache hits
-- What copied answers would have cost: what the answer cost that was paid for and of which they are a copy, or a copy of a
-- copy, where that is in the warehouse.
CREATE OR REPLACE VIEW main.response_cache_savings AS
WITH hits AS (
    SELECT
        generation_id,
        model,
        total_usage
    FROM main.generation_facts
    WHERE is_response_cache_hit
),

-- include: paid_answers

final AS (
    SELECT
        hits.model,
        CAST(count(*) AS BIGINT) AS hit_count,
        CAST(count(paid_answers.paid_id) AS BIGINT) AS priced_hit_count,
        CAST(coalesce(sum(paid_answers.copied_usage), 0) AS DECIMAL(28, 12)) AS saved_usage,
        CAST(sum(hits.total_usage) AS DECIMAL(28, 12)) AS total_usage
    FROM hits
    LEFT JOIN paid_answers ON paid_answers.generation_id = hits.generation_id
    GROUP BY hits.model
)

SELECT * FROM final;

COMMENT ON VIEW main.response_cache_savings IS 'One row per model with response-cache hits: how many there were and what they would have cost, told by the answer that was paid for, also where they are copies of copies.';
COMMENT ON COLUMN main.response_cache_savings.model IS 'Model of the copied answer.';
COMMENT ON COLUMN main.response_cache_savings.hit_count IS 'Generations copied from an earlier answer. Unit: generations.';
COMMENT ON COLUMN main.response_cache_savings.priced_hit_count IS 'Hits whose paid answer is in the warehouse; the others save an unknown amount, which saved_usage does not hold. Unit: generations.';
COMMENT ON COLUMN main.response_cache_savings.saved_usage IS 'What the paid answers of the priced hits cost, once for each hit. Unit: USD.';
COMMENT ON COLUMN main.response_cache_savings.total_usage IS 'What the hits themselves cost, normally 0. Unit: USD.';

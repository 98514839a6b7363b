-- grain: one row per oddity that is looked for, also if there is none
-- What answers had that they should not have, and how it is booked. Nothing here is an error of the warehouse: those are
-- the check views.
CREATE OR REPLACE VIEW ops.data_quality AS
WITH facts AS (
    SELECT
        * REPLACE (nullif(trim(response_cache_source_id), '') AS response_cache_source_id),
        coalesce(usage, total_cost) AS charge
    FROM main.generations
),

found AS (
    SELECT
        'other_id' AS oddity,
        'the answer carries another id than the one asked for' AS meaning,
        count(*) FILTER (WHERE id <> generation_id) AS generations,
        min(generation_id) FILTER (WHERE id <> generation_id) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'same_record' AS oddity,
        'another ID brought the same record: it is booked once, under that one' AS meaning,
        count(*) FILTER (WHERE booked_under IS NOT NULL) AS generations,
        min(generation_id) FILTER (WHERE booked_under IS NOT NULL) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'without_usage' AS oddity,
        'the answer has neither usage nor total_cost: booked as 0' AS meaning,
        count(*) FILTER (WHERE charge IS NULL AND response_cache_source_id IS NULL) AS generations,
        min(generation_id) FILTER (WHERE charge IS NULL AND response_cache_source_id IS NULL) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'total_cost_without_usage' AS oddity,
        'the answer has no usage: total_cost is booked' AS meaning,
        count(*) FILTER (WHERE usage IS NULL AND total_cost IS NOT NULL) AS generations,
        min(generation_id) FILTER (WHERE usage IS NULL AND total_cost IS NOT NULL) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'byok_without_upstream' AS oddity,
        'BYOK without upstream_inference_cost: only the fee is booked' AS meaning,
        count(*) FILTER (WHERE is_byok AND upstream_inference_cost IS NULL AND response_cache_source_id IS NULL) AS generations,
        min(generation_id) FILTER (WHERE is_byok AND upstream_inference_cost IS NULL AND response_cache_source_id IS NULL) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'upstream_without_byok' AS oddity,
        'upstream_inference_cost without BYOK: inside usage already, not booked again' AS meaning,
        count(*) FILTER (WHERE NOT coalesce(is_byok, false) AND upstream_inference_cost <> 0) AS generations,
        min(generation_id) FILTER (WHERE NOT coalesce(is_byok, false) AND upstream_inference_cost <> 0) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'usage_is_not_total_cost' AS oddity,
        'usage and total_cost differ: usage is booked' AS meaning,
        count(*) FILTER (WHERE usage <> total_cost) AS generations,
        min(generation_id) FILTER (WHERE usage <> total_cost) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'negative_usage' AS oddity,
        'a charge below zero: booked as it is, a refund' AS meaning,
        count(*) FILTER (WHERE charge < 0) AS generations,
        min(generation_id) FILTER (WHERE charge < 0) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'reasoning_over_completion' AS oddity,
        'more reasoning than completion tokens' AS meaning,
        count(*) FILTER (WHERE native_tokens_reasoning > native_tokens_completion) AS generations,
        min(generation_id) FILTER (WHERE native_tokens_reasoning > native_tokens_completion) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'cached_over_prompt' AS oddity,
        'more cached than prompt tokens' AS meaning,
        count(*) FILTER (WHERE native_tokens_cached > native_tokens_prompt) AS generations,
        min(generation_id) FILTER (WHERE native_tokens_cached > native_tokens_prompt) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'charged_without_tokens' AS oddity,
        'a charge without any token' AS meaning,
        count(*) FILTER (WHERE charge > 0 AND coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0) = 0) AS generations,
        min(generation_id) FILTER (WHERE charge > 0 AND coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0) = 0) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'cached_answer_charged' AS oddity,
        'a response-cache hit with a charge' AS meaning,
        count(*) FILTER (WHERE response_cache_source_id IS NOT NULL AND (charge <> 0 OR (is_byok AND upstream_inference_cost <> 0))) AS generations,
        min(generation_id) FILTER (WHERE response_cache_source_id IS NOT NULL AND (charge <> 0 OR (is_byok AND upstream_inference_cost <> 0))) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'latency_over_generation_time' AS oddity,
        'latency above generation_time, so the larger is taken for the duration' AS meaning,
        count(*) FILTER (WHERE latency > generation_time AND generation_time > 0) AS generations,
        min(generation_id) FILTER (WHERE latency > generation_time AND generation_time > 0) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'without_day' AS oddity,
        'neither the ID nor created_at tells the day' AS meaning,
        count(*) FILTER (WHERE requested_day IS NULL) AS generations,
        min(generation_id) FILTER (WHERE requested_day IS NULL) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'created_on_another_day' AS oddity,
        'created_at is more than a day off the second in the ID' AS meaning,
        count(*) FILTER (WHERE abs(epoch(created_at) - epoch(requested_at)) > 86400) AS generations,
        min(generation_id) FILTER (WHERE abs(epoch(created_at) - epoch(requested_at)) > 86400) AS example_id
    FROM facts
    UNION ALL
    SELECT
        'with_unknown_fields' AS oddity,
        'fields that no column holds exactly are kept in extra' AS meaning,
        count(*) FILTER (WHERE extra IS NOT NULL) AS generations,
        min(generation_id) FILTER (WHERE extra IS NOT NULL) AS example_id
    FROM facts
),

final AS (
    SELECT
        oddity,
        meaning,
        CAST(generations AS BIGINT) AS generations,
        example_id
    FROM found
)

SELECT * FROM final;

COMMENT ON VIEW ops.data_quality IS 'One row per oddity that is looked for in the answers, also if there is none: how many generations have it, and one of them.';
COMMENT ON COLUMN ops.data_quality.oddity IS 'Its name.';
COMMENT ON COLUMN ops.data_quality.meaning IS 'What it is and how it is booked.';
COMMENT ON COLUMN ops.data_quality.generations IS 'Generations that have it. Unit: generations.';
COMMENT ON COLUMN ops.data_quality.example_id IS 'One of them; NULL if there is none.';

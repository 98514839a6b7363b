-- grain: one row per kept field and value
-- What requests cost by the fields of their log lines that --keep-field stored; each request is in one row per field it has.
CREATE OR REPLACE VIEW main.cost_by_field AS
WITH facts AS (
    SELECT * FROM main.generation_facts
    WHERE log_fields IS NOT NULL
),

-- Few lines have fields of their own: sums of the lines with the same fields are spread over the fields.
lines AS (
    SELECT
        log_fields,
        -- include: cost_sums_of_facts
        min(requested_day) AS first_day,
        max(requested_day) AS last_day
    FROM facts
    GROUP BY log_fields
),

kept AS (
    SELECT
        *,
        unnest(json_keys(log_fields)) AS field
    FROM lines
),

flat AS (
    SELECT
        *,
        json_extract(log_fields, '/' || replace(replace(field, '~', '~0'), '/', '~1')) AS content
    FROM kept
),

final AS (
    SELECT
        field,
        content->>'$' AS value,
        -- include: cost_sums_of_rollup
        CAST(min(first_day) AS DATE) AS first_day,
        CAST(max(last_day) AS DATE) AS last_day
    FROM flat
    WHERE json_type(content) <> 'OBJECT'
    GROUP BY field, content->>'$'
)

SELECT * FROM final;

COMMENT ON VIEW main.cost_by_field IS 'One row per kept field and value: what the requests cost whose log line had it, over all of history. A request counts once for each field, so sums are of one field only; requests whose line had no such field are in no row. Fields that hold objects are left out: keep what is inside them.';
COMMENT ON COLUMN main.cost_by_field.field IS 'The field, as --keep-field named it.';
COMMENT ON COLUMN main.cost_by_field.value IS 'Its value as text.';
-- include: cost_comments relation=main.cost_by_field count=request_count
-- include: day_range_comments relation=main.cost_by_field

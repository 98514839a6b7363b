-- Whether an ID has a field, such as field:customer.id.
SELECT count(*) > 0 AS is_known
FROM (
    SELECT log_fields FROM main.generations
    UNION ALL
    SELECT log_fields FROM ops.work
)
WHERE
    -- include: field_value name=$field
    IS NOT NULL;

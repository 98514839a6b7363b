-- A time column, UTC, as ISO 8601 text that ends in Z, with a fraction only if it has one: FOCUS wants whole seconds as
-- YYYY-MM-DDTHH:MM:SSZ.
CASE
    WHEN date_trunc('second', $column) = $column THEN strftime($column, '%Y-%m-%dT%H:%M:%SZ')
    ELSE strftime($column, '%Y-%m-%dT%H:%M:%S.%fZ')
END

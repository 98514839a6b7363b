-- Condition: the row passes every filter of --where. A filter's marked values are '=' and the text, or '' for NULL. The
-- fragment {dimensions} is as in keys.
        len($filters) = 0
        OR list_bool_and([
            list_contains(
                filter.marked_values,
                coalesce(
                    '=' ||
                    -- include: {dimensions} name=filter.dimension
                    , ''
                )
            ) <> filter.is_excluded
            FOR filter IN CAST($filters AS STRUCT(dimension VARCHAR, marked_values VARCHAR[], is_excluded BOOLEAN)[])
        ])

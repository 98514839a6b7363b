-- Columns: the row's value of each dimension asked for, as text; NULL where a dimension is not used. The fragment
-- {dimensions} has the expression.
        -- include: {dimensions} name=$by_1
        AS key_1,
        -- include: {dimensions} name=$by_2
        AS key_2,
        -- include: {dimensions} name=$by_3
        AS key_3,

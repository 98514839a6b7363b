-- Columns: the row's value of each dimension asked for, as text; NULL where a dimension is not used. The fragment
-- {dimensions} has the branches that turn a dimension's name into its value.
        CASE $by_1
            -- include: {dimensions}
        END AS key_1,
        CASE $by_2
            -- include: {dimensions}
        END AS key_2,
        CASE $by_3
            -- include: {dimensions}
        END AS key_3,

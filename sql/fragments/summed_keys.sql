-- Columns: what a row is (0 one value of each dimension, 1 the rest, 2 the total), its keys, and when it began. They head
-- the sums over the rows of kept.
        CASE WHEN grouping(part) = 1 THEN 2 ELSE part END AS part,
        key_1,
        key_2,
        key_3,
        min(began) AS began,

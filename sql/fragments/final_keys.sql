-- Columns: the same of the rows of added, where the rest has a name.
        part,
        began,
        CASE WHEN part = 1 THEN '(other)' ELSE key_1 END AS key_1,
        CASE WHEN part = 1 THEN '(other)' ELSE key_2 END AS key_2,
        CASE WHEN part = 1 THEN '(other)' ELSE key_3 END AS key_3,

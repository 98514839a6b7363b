-- The end of a report: rows, rest and total. Rows of one value of a dimension stand together: times and lengths in their
-- own order, others the one with the largest {measure} first.
SELECT * EXCLUDE (began) FROM final
ORDER BY
    part,
    -- include: key_place by=$by_1 key=key_1 keys="key_1" measure="{measure}"
    -- include: key_place by=$by_2 key=key_2 keys="key_1, key_2" measure="{measure}"
    -- include: key_place by=$by_3 key=key_3 keys="key_1, key_2, key_3" measure="{measure}"
    part;

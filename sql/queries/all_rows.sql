-- All rows of one relation, by its name.
SELECT * FROM query_table($relation);

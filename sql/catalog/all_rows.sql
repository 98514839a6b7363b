-- All rows of one relation, by its name, in one order: two lists of the same rows are equal.
SELECT * FROM query_table($relation) ORDER BY ALL;

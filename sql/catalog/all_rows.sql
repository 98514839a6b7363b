-- All rows of a relation, in an order that depends only on their values: equal sets of rows give equal lists.
SELECT * FROM query_table($relation) ORDER BY ALL;

-- A relation with some kept fields of its log lines as columns.
(SELECT *, $fields FROM query_table($relation))

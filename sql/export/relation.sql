-- A relation as it is.
query_table($relation)

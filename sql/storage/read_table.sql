-- Reads every value of a table.
SELECT bit_xor(hash(COLUMNS(*))) FROM query_table($relation);

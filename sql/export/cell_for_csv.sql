-- Text that a spreadsheet would take for a formula gets an apostrophe.
CASE WHEN regexp_matches($column, '^[-=+@\t\r]') THEN '''' || $column ELSE $column END

-- Text for CSV: an apostrophe precedes text that a spreadsheet would read as a formula.
CASE WHEN regexp_matches($column, '^[-=+@\t\r]') THEN '''' || $column ELSE $column END

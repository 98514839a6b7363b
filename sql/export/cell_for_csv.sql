-- A text column in which an apostrophe precedes whatever a spreadsheet would evaluate as a formula.
CASE WHEN regexp_matches($column, '^[-=+@\t\r]') THEN '''' || $column ELSE $column END

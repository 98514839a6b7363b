-- A text column in which an apostrophe precedes whatever a spreadsheet may evaluate as a formula. `_FORMULA` in
-- ingest/reports/formats.py is the same expression.
CASE
    WHEN regexp_matches(
        $column,
        '^(?:[\t\r]|[\x{0}-\x{20}\x{7f}-\x{a0}\x{ad}\x{1680}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2064}'
        || '\x{3000}\x{feff}]*[-=+@\x{ff0b}\x{ff0d}\x{ff1d}\x{ff20}])'
    ) THEN '''' || $column
    ELSE $column
END

-- Whether any ID was ever seen.
SELECT
    EXISTS (SELECT 1 FROM ops.work)
    OR EXISTS (SELECT 1 FROM main.generations);

-- Whether the warehouse holds any ID.
SELECT
    EXISTS (SELECT 1 FROM ops.work)
    OR EXISTS (SELECT 1 FROM main.generations);

-- The number of rows of one exported file and the exact sums of its money columns, for the manifest.
SELECT $totals
FROM $source
WHERE $condition

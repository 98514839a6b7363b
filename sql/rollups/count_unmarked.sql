-- How many generations do not tell yet whether all their attempts failed.
SELECT count(*)
FROM main.generations
WHERE all_attempts_failed IS NULL;

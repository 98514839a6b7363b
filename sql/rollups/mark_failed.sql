-- Tells of generations that an earlier version stored whether all their attempts failed; later ones are stored with it.
UPDATE main.generations
SET all_attempts_failed = generation_id IN (
    SELECT generation_id
    FROM main.provider_attempts
    GROUP BY generation_id
    HAVING count(status) > 0 AND count(*) FILTER (WHERE status BETWEEN 200 AND 299) = 0
)
WHERE all_attempts_failed IS NULL;

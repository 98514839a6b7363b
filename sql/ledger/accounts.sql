-- How many IDs each account settled, the most first; without accounts one row, whose account is NULL.
SELECT account, count(*) AS settled, max(requested_at) AS newest_settled_at
FROM main.generations
GROUP BY account
ORDER BY settled DESC, account NULLS LAST;

-- The names that several keys of an account have, in whatever form Analytics may show them, with the hashes of these keys.
WITH names AS (
    SELECT name AS shown, api_key_hash FROM ops.api_keys WHERE account IS NOT DISTINCT FROM $account
    UNION
    SELECT label AS shown, api_key_hash FROM ops.api_keys WHERE account IS NOT DISTINCT FROM $account
)

SELECT
    shown,
    api_key_hash
FROM names
WHERE shown IN (SELECT shown FROM names GROUP BY shown HAVING count(*) > 1)
ORDER BY shown, api_key_hash;

-- The days with generations whose key may have another name now, or may be certain now: by its names and hashes.
SELECT DISTINCT requested_day
FROM main.discovered_generations
WHERE account IS NOT DISTINCT FROM $account
  AND (
      list_contains(CAST($names AS VARCHAR[]), api_key_label)
      OR list_contains(CAST($hashes AS VARCHAR[]), api_key_hash)
  )
UNION
SELECT DISTINCT requested_day
FROM main.generations
WHERE list_contains(CAST($hashes AS VARCHAR[]), api_key_hash);

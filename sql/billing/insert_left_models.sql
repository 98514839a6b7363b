-- Stores of each model that left the list that it did.
INSERT INTO ops.models BY NAME
WITH newest AS (
    SELECT slug, unnest(arg_max(struct_pack(canonical_slug, name, pricing, expiration_date, is_listed), fetched_at))
    FROM ops.models
    GROUP BY slug
)

SELECT * REPLACE (FALSE AS is_listed), CAST($now AS TIMESTAMP) AS fetched_at
FROM newest
WHERE is_listed
    AND NOT list_contains(CAST($slugs AS VARCHAR[]), slug);

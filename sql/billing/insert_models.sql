-- Stores the models that differ from their newest row, new ones included.
INSERT INTO ops.models BY NAME
WITH newest AS (
    SELECT slug, unnest(arg_max(struct_pack(canonical_slug, name, pricing, expiration_date, is_listed), fetched_at))
    FROM ops.models
    GROUP BY slug
)

SELECT incoming.*, TRUE AS is_listed, CAST($now AS TIMESTAMP) AS fetched_at
FROM incoming
LEFT JOIN newest
    ON newest.slug = incoming.slug
WHERE newest.is_listed IS DISTINCT FROM TRUE
    OR newest.canonical_slug IS DISTINCT FROM incoming.canonical_slug
    OR newest.name IS DISTINCT FROM incoming.name
    OR newest.pricing IS DISTINCT FROM incoming.pricing
    OR newest.expiration_date IS DISTINCT FROM incoming.expiration_date;

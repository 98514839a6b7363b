-- Column: the API key as reports name it. Keys of one name are told apart by their hashes, where those are known.
        CASE
            WHEN api_key_label IS NOT NULL AND api_key_hash IS NOT NULL AND list_contains(
                (
                    SELECT list(name) FROM (
                        SELECT name FROM ops.api_keys GROUP BY name HAVING count(DISTINCT api_key_hash) > 1
                    )
                ),
                api_key_label
            ) THEN api_key_label || ' (' || left(api_key_hash, 8) || ')'
            WHEN api_key_label IS NOT NULL THEN api_key_label
            WHEN api_key_hash IS NOT NULL THEN left(api_key_hash, 8)
            ELSE json_extract_string(extra, '$.api_key_id')
        END AS api_key_name,

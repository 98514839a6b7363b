-- Expression: the value of {name}, one of the dimensions of generations.
        CASE {name}
            -- include: time_dimensions
            WHEN 'model' THEN model
            WHEN 'author' THEN model_author
            WHEN 'provider' THEN provider_name
            -- include: caller_dimensions
            WHEN 'request' THEN request_id
            WHEN 'cost_basis' THEN cost_basis
            WHEN 'status' THEN status
            WHEN 'length' THEN CASE
                WHEN native_tokens_completion >= 10001 THEN '10001-'
                WHEN native_tokens_completion >= 3001 THEN '3001-10000'
                WHEN native_tokens_completion >= 1001 THEN '1001-3000'
                WHEN native_tokens_completion >= 301 THEN '301-1000'
                WHEN native_tokens_completion >= 101 THEN '101-300'
                WHEN native_tokens_completion >= 11 THEN '11-100'
                WHEN native_tokens_completion >= 1 THEN '1-10'
            END
            ELSE
                -- include: field_value name={name}
        END

-- Expression: the value of {name}, one of the dimensions of attempts, and those of their generation that tell who made the request.
        CASE {name}
            -- include: time_dimensions
            WHEN 'provider' THEN provider_name
            WHEN 'model' THEN coalesce(model_permaslug, answered_model)
            WHEN 'status' THEN CAST(status AS VARCHAR)
            -- include: caller_dimensions
            WHEN 'request' THEN request_id
            ELSE
                -- include: field_value name={name}
        END

-- Expression: the value of {name}, one of the dimensions of the cost rollup.
        CASE {name}
            WHEN 'day' THEN strftime(requested_day, '%Y-%m-%d')
            WHEN 'week' THEN strftime(date_trunc('week', requested_day), '%Y-%m-%d')
            WHEN 'month' THEN strftime(requested_day, '%Y-%m')
            WHEN 'model' THEN model
            WHEN 'author' THEN split_part(model, '/', 1)
            WHEN 'provider' THEN provider_name
        END

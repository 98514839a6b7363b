-- Expression: the value of {name}, one of the dimensions of the ledger. Objects of remote stores count as their directory.
        CASE {name}
            -- include: time_dimensions
            WHEN 'state' THEN state
            WHEN 'reason' THEN reason
            WHEN 'directory' THEN CASE
                WHEN contains(source, '/') THEN regexp_replace(source, '[^/]+$', '')
                ELSE source
            END
            WHEN 'source' THEN CASE
                WHEN contains(source, '://') THEN regexp_replace(source, '[^/]+$', '')
                ELSE source
            END
            ELSE
                -- include: field_value name={name}
        END

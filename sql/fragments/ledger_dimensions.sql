-- Branches of CASE: the dimensions of the ledger. Objects of remote stores count as their directory.
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

-- Expression: the sum of the two parts, rounded once: half of the last place up.
            CAST(
                CAST(high_part - 0.0000000000005 AS DECIMAL(28, 12)) - 1
                + CAST(1 + low_part
                    + CAST(high_part - CAST(high_part - 0.0000000000005 AS DECIMAL(28, 12)) AS DECIMAL(38, 36))
                    AS DECIMAL(28, 12))
            AS DECIMAL(28, 12))

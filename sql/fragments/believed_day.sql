-- Condition: a day that views believe. A request was made before its answer arrived; a day after the newest arrival comes
-- from a wrong clock or a made-up ID. Sums count it, but nothing is compared with it or predicted from it.
requested_day <= coalesce((SELECT max(CAST(fetched_at AS DATE)) FROM main.generations), DATE '9999-12-31')

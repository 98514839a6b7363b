-- Columns: counts, US dollars and the two parts of the loaded cost, summed over rows of the facts or of sums of them with
-- their rates.
        CAST(sum(request_count) AS BIGINT) AS request_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(coalesce(sum(total_usage) FILTER (WHERE credits_high IS NULL), 0) AS DECIMAL(28, 12)) AS unrated_usage,
        sum(credits_usage * credits_high) + sum(byok_usage * byok_high) AS high_part,
        sum(credits_usage * credits_low) + sum(byok_usage * byok_low) AS low_part,

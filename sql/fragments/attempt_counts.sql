-- Columns: attempts by how they ended, over rows of main.provider_attempts. They end a select list.
        CAST(count(*) AS BIGINT) AS attempt_count,
        CAST(count(*) FILTER (WHERE status BETWEEN 200 AND 299) AS BIGINT) AS success_count,
        CAST(count(*) FILTER (WHERE status = 429) AS BIGINT) AS throttled_count,
        CAST(count(*) FILTER (WHERE status IN (503, 529)) AS BIGINT) AS overloaded_count,
        CAST(count(*) FILTER (WHERE status >= 500 AND status NOT IN (503, 529)) AS BIGINT) AS server_error_count,
        CAST(count(*) FILTER (WHERE status < 200 OR status BETWEEN 300 AND 428 OR status BETWEEN 430 AND 499) AS BIGINT) AS other_error_count,
        CAST(count(*) FILTER (WHERE status IS NULL) AS BIGINT) AS unknown_count,
        CAST(count(*) FILTER (WHERE attempt > 1) AS BIGINT) AS fallback_count

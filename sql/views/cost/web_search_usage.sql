-- grain: one row per model and web search engine that was used
-- What web search goes with. The answer tells no price of its own for it: total_usage is the whole generation.
CREATE OR REPLACE VIEW main.web_search_usage AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

final AS (
    SELECT
        model,
        web_search_engine,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(coalesce(sum(num_search_results), 0) AS BIGINT) AS search_results,
        CAST(coalesce(sum(num_fetches), 0) AS BIGINT) AS fetches,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(total_usage) / count(*) AS DOUBLE) AS usage_per_request
    FROM facts
    WHERE is_web_search
    GROUP BY model, web_search_engine
)

SELECT * FROM final;

COMMENT ON VIEW main.web_search_usage IS 'One row per model and web search engine: generations that searched or fetched web pages. Their search fee is inside usage and not told apart.';
COMMENT ON COLUMN main.web_search_usage.model IS 'Model that answered.';
COMMENT ON COLUMN main.web_search_usage.web_search_engine IS 'Engine; NULL where results or fetches were reported without one.';
COMMENT ON COLUMN main.web_search_usage.request_count IS 'Generations that searched or fetched. Unit: generations.';
COMMENT ON COLUMN main.web_search_usage.search_results IS 'Web search results used. Unit: results.';
COMMENT ON COLUMN main.web_search_usage.fetches IS 'Web pages fetched. Unit: fetches.';
COMMENT ON COLUMN main.web_search_usage.total_usage IS 'What these generations cost in all, inference and search. Unit: USD.';
COMMENT ON COLUMN main.web_search_usage.usage_per_request IS 'total_usage / request_count. Unit: USD per generation.';

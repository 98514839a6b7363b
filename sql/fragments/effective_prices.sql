-- CTEs: what tokens cost per {period}, model and provider, from the generations of {source}. The cost of an answer is
-- input * a + cached * b + output * c; a, b and c are the prices that miss the costs least (least squares). They solve
-- three equations whose coefficients are sums of products: ii is the sum of input * input, ic of input * cached, iu of
-- input * cost (usage), and so on. A kind without tokens gets an equation of its own, so that the others can be solved.
samples AS (
    SELECT
        {period},
        model,
        provider_name,
        total_usage,
        CAST(total_usage AS DOUBLE) AS u,
        CAST(greatest(coalesce(native_tokens_cached, 0), 0) AS DOUBLE) AS c,
        CAST(greatest(coalesce(native_tokens_prompt, 0) - c, 0) AS DOUBLE) AS i,
        CAST(greatest(coalesce(native_tokens_completion, 0), 0) AS DOUBLE) AS o
    FROM {source}
    WHERE is_priced
      AND status IN ('completed', 'truncated')
      AND NOT is_web_search
      AND total_usage >= 0
      AND {period} IS NOT NULL
),

sums AS (
    SELECT
        {period},
        model,
        provider_name,
        CAST(count(*) AS BIGINT) AS request_count,
        CAST(sum(total_usage) AS DECIMAL(28, 12)) AS total_usage,
        CAST(sum(i) AS BIGINT) AS tokens_input,
        CAST(sum(c) AS BIGINT) AS cached_tokens,
        CAST(sum(o) AS BIGINT) AS tokens_output,
        CASE WHEN tokens_input = 0 THEN 1 ELSE sum(i * i) END AS ii,
        CASE WHEN cached_tokens = 0 THEN 1 ELSE sum(c * c) END AS cc,
        CASE WHEN tokens_output = 0 THEN 1 ELSE sum(o * o) END AS oo,
        sum(i * c) AS ic,
        sum(i * o) AS io,
        sum(c * o) AS co,
        sum(i * u) AS iu,
        sum(c * u) AS cu,
        sum(o * u) AS ou,
        sum(u * u) AS uu
    FROM samples
    GROUP BY {period}, model, provider_name
),

solved AS (
    SELECT
        *,
        ii * (cc * oo - co * co) - ic * (ic * oo - co * io) + io * (ic * co - cc * io) AS determinant,
        (iu * (cc * oo - co * co) - ic * (cu * oo - co * ou) + io * (cu * co - cc * ou)) / nullif(determinant, 0) AS a,
        (ii * (cu * oo - co * ou) - iu * (ic * oo - co * io) + io * (ic * ou - cu * io)) / nullif(determinant, 0) AS b,
        (ii * (cc * ou - cu * co) - ic * (ic * ou - cu * io) + iu * (ic * co - cc * io)) / nullif(determinant, 0) AS c,
        -- Kinds that always come in the same proportion cannot be told apart, and no kind has a price below 0.
        determinant > 1e-6 * ii * cc * oo
            AND least(a * tokens_input, b * cached_tokens, c * tokens_output) >= -1e-6 * total_usage AS is_solved
    FROM sums
),

priced AS (
    SELECT
        *,
        CASE WHEN is_solved AND tokens_input > 0 THEN 1000000 * greatest(a, 0) END AS input_price,
        CASE WHEN is_solved AND cached_tokens > 0 THEN 1000000 * greatest(b, 0) END AS cached_price,
        CASE WHEN is_solved AND tokens_output > 0 THEN 1000000 * greatest(c, 0) END AS output_price,
        CASE
            WHEN is_solved AND uu = 0 THEN 0
            WHEN is_solved THEN sqrt(greatest(uu - a * iu - b * cu - c * ou, 0) / uu)
        END AS unexplained_share,
        -- What single answers cost may be odd: prices are compared if many are behind them, or if they explain each cost.
        is_solved AND (
            request_count >= 30
            OR (unexplained_share < 0.001
                AND request_count > CAST(tokens_input > 0 AS INTEGER) + CAST(cached_tokens > 0 AS INTEGER)
                    + CAST(tokens_output > 0 AS INTEGER))
        ) AS is_reliable
    FROM solved
),

before AS (
    SELECT
        *,
        lag(CASE WHEN is_reliable THEN input_price END IGNORE NULLS) OVER earlier AS input_before,
        lag(CASE WHEN is_reliable THEN cached_price END IGNORE NULLS) OVER earlier AS cached_before,
        lag(CASE WHEN is_reliable THEN output_price END IGNORE NULLS) OVER earlier AS output_before
    FROM priced
    WINDOW earlier AS (PARTITION BY model, provider_name ORDER BY {period})
),

compared AS (
    SELECT
        *,
        CASE WHEN is_reliable AND input_before IS NOT NULL THEN tokens_input END AS input_both,
        CASE WHEN is_reliable AND cached_before IS NOT NULL THEN cached_tokens END AS cached_both,
        CASE WHEN is_reliable AND output_before IS NOT NULL THEN tokens_output END AS output_both,
        coalesce(input_both * input_price, 0) + coalesce(cached_both * cached_price, 0)
            + coalesce(output_both * output_price, 0) AS usage_now,
        coalesce(input_both * input_before, 0) + coalesce(cached_both * cached_before, 0)
            + coalesce(output_both * output_before, 0) AS usage_before
    FROM before
),

elsewhere AS (
    SELECT
        here.{period},
        here.model,
        here.provider_name,
        there.provider_name AS cheaper_provider,
        (CASE WHEN here.tokens_input = 0 THEN 0 ELSE here.tokens_input * there.input_price END
            + CASE
                WHEN here.cached_tokens = 0 THEN 0
                ELSE here.cached_tokens * coalesce(there.cached_price, there.input_price)
            END
            + CASE WHEN here.tokens_output = 0 THEN 0 ELSE here.tokens_output * there.output_price END
        ) / 1000000 AS cheaper_usage
    FROM priced AS here
    JOIN priced AS there
        ON there.{period} = here.{period}
        AND there.model = here.model
        AND there.provider_name <> coalesce(here.provider_name, '')
        AND there.is_reliable
    WHERE cheaper_usage < 0.99 * here.total_usage
    QUALIFY row_number() OVER (
        PARTITION BY here.{period}, here.model, here.provider_name ORDER BY cheaper_usage, there.provider_name
    ) = 1
),

final AS (
    SELECT
        compared.{period},
        compared.model,
        compared.provider_name,
        request_count,
        total_usage,
        tokens_input,
        cached_tokens,
        tokens_output,
        input_price,
        cached_price,
        output_price,
        CAST(1000000 * total_usage / (tokens_input + cached_tokens + tokens_output) AS DOUBLE) AS blended_price,
        unexplained_share,
        round(usage_now / nullif(usage_before, 0) - 1, 9) + 0 AS price_change,
        cheaper_provider,
        CAST(total_usage - cheaper_usage AS DECIMAL(28, 12)) AS saveable_usage
    FROM compared
    LEFT JOIN elsewhere
        ON elsewhere.{period} = compared.{period}
        AND elsewhere.model = compared.model
        AND elsewhere.provider_name IS NOT DISTINCT FROM compared.provider_name
)

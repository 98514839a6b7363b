-- grain: one row per day (UTC), workspace, app, end user, model, provider and charge
-- Shaped like FOCUS 1.2, the FinOps Open Cost and Usage Specification: all 21 mandatory columns. BYOK gives two charges:
-- the fee that OpenRouter bills, and the inference that the provider bills to your own account, estimated.
-- Placeholders, for OpenRouter tells neither account nor list prices: BillingAccountId and BillingAccountName are constant,
-- and the four costs of a charge are equal.
CREATE OR REPLACE VIEW main.focus_cost_and_usage AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

charges AS (
    SELECT
        *,
        CASE WHEN is_byok THEN 'byok fee' ELSE 'inference' END AS charge,
        openrouter_usage AS cost,
        'OpenRouter' AS issuer
    FROM facts
    UNION ALL
    SELECT
        *,
        'byok inference' AS charge,
        byok_usage AS cost,
        coalesce(provider_name, 'unknown') AS issuer
    FROM facts
    WHERE is_byok
),

daily AS (
    SELECT
        requested_day,
        workspace_id,
        app_id,
        external_user,
        model,
        model_author,
        provider_name,
        charge,
        issuer,
        sum(cost) AS cost,
        CAST(coalesce(sum(coalesce(native_tokens_prompt, 0) + coalesce(native_tokens_completion, 0)), 0) AS BIGINT) AS tokens,
        CAST(count(*) AS BIGINT) AS generations
    FROM charges
    GROUP BY ALL
),

final AS (
    SELECT
        CAST(cost AS DECIMAL(28, 12)) AS BilledCost,
        'openrouter' AS BillingAccountId,
        'OpenRouter account' AS BillingAccountName,
        'USD' AS BillingCurrency,
        CAST(date_trunc('month', requested_day) + INTERVAL 1 MONTH AS TIMESTAMP) AS BillingPeriodEnd,
        CAST(date_trunc('month', requested_day) AS TIMESTAMP) AS BillingPeriodStart,
        'Usage' AS ChargeCategory,
        CAST(NULL AS VARCHAR) AS ChargeClass,
        CASE charge
            WHEN 'byok fee' THEN 'OpenRouter fee for inference on your own provider key'
            WHEN 'byok inference' THEN 'Inference on your own provider key, estimated at market rates'
            ELSE 'Inference paid from OpenRouter credits'
        END AS ChargeDescription,
        'Usage-Based' AS ChargeFrequency,
        CAST(requested_day + INTERVAL 1 DAY AS TIMESTAMP) AS ChargePeriodEnd,
        CAST(requested_day AS TIMESTAMP) AS ChargePeriodStart,
        CAST(tokens AS DOUBLE) AS ConsumedQuantity,
        'Tokens' AS ConsumedUnit,
        CAST(cost AS DECIMAL(28, 12)) AS ContractedCost,
        CAST(cost AS DECIMAL(28, 12)) AS EffectiveCost,
        issuer AS InvoiceIssuerName,
        CAST(cost AS DECIMAL(28, 12)) AS ListCost,
        CAST(tokens AS DOUBLE) AS PricingQuantity,
        'Tokens' AS PricingUnit,
        issuer AS ProviderName,
        coalesce(model_author, 'unknown') AS PublisherName,
        'AI and Machine Learning' AS ServiceCategory,
        CASE charge WHEN 'byok inference' THEN issuer || ' inference' ELSE 'OpenRouter' END AS ServiceName,
        'Generative AI' AS ServiceSubcategory,
        model AS SkuId,
        workspace_id AS SubAccountId,
        CAST(json_object('app_id', app_id, 'external_user', external_user) AS VARCHAR) AS Tags,
        charge AS x_Charge,
        generations AS x_Generations,
        provider_name AS x_InferenceProvider,
        app_id AS x_AppId,
        external_user AS x_ExternalUser
    FROM daily
)

SELECT * FROM final;

COMMENT ON VIEW main.focus_cost_and_usage IS 'One row per day (UTC), workspace, app, end user, model, provider and charge: cost and usage in the shape of FOCUS 1.2. BYOK gives two charges. BilledCost over all rows is total_usage. BillingAccountId and BillingAccountName are placeholders; ListCost, ContractedCost and EffectiveCost equal BilledCost, for OpenRouter tells no list prices.';
COMMENT ON COLUMN main.focus_cost_and_usage.BilledCost IS 'What is charged. For BYOK inference an estimate at market rates. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingAccountId IS 'A placeholder: always openrouter.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingAccountName IS 'A placeholder.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingCurrency IS 'Always USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingPeriodEnd IS 'First moment after the month of the request; NULL where the day is unknown. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingPeriodStart IS 'Begin of the month of the request; NULL where the day is unknown. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeCategory IS 'Always Usage.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeClass IS 'Always NULL: no corrections.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeDescription IS 'What the charge is for.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeFrequency IS 'Always Usage-Based.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargePeriodEnd IS 'First moment after the day of the request; NULL where the day is unknown. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargePeriodStart IS 'Begin of the day of the request; NULL where the day is unknown. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.ConsumedQuantity IS 'Prompt and completion tokens by the providers'' counts. Unit: tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.ConsumedUnit IS 'Always Tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.ContractedCost IS 'Equal to BilledCost. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.EffectiveCost IS 'Equal to BilledCost. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.InvoiceIssuerName IS 'OpenRouter; for BYOK inference the provider, which bills your own account.';
COMMENT ON COLUMN main.focus_cost_and_usage.ListCost IS 'Equal to BilledCost: list prices are not told. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.PricingQuantity IS 'Equal to ConsumedQuantity. Both charges of a BYOK generation carry its tokens: do not add them up over charges. Unit: tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.PricingUnit IS 'Always Tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.ProviderName IS 'OpenRouter; for BYOK inference the provider.';
COMMENT ON COLUMN main.focus_cost_and_usage.PublisherName IS 'Author of the model.';
COMMENT ON COLUMN main.focus_cost_and_usage.ServiceCategory IS 'Always AI and Machine Learning.';
COMMENT ON COLUMN main.focus_cost_and_usage.ServiceName IS 'OpenRouter, or the provider''s inference for BYOK.';
COMMENT ON COLUMN main.focus_cost_and_usage.ServiceSubcategory IS 'Always Generative AI.';
COMMENT ON COLUMN main.focus_cost_and_usage.SkuId IS 'The model.';
COMMENT ON COLUMN main.focus_cost_and_usage.SubAccountId IS 'Workspace; NULL for accounts without.';
COMMENT ON COLUMN main.focus_cost_and_usage.Tags IS 'JSON object of app_id and external_user.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_Charge IS 'inference, byok fee or byok inference.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_Generations IS 'Generations behind it; both charges of a BYOK generation count it. Unit: generations.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_InferenceProvider IS 'Provider that served the requests.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_AppId IS 'App that made the requests.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_ExternalUser IS 'The end user you named in the requests.';

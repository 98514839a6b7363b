-- grain: one row per day (UTC), workspace, API key, app, end user, model, provider and charge
-- FOCUS 1.2, the FinOps Open Cost and Usage Specification: its mandatory and recommended columns, and those conditional
-- ones that OpenRouter tells. A BYOK generation gives two charges: the fee that OpenRouter bills, counted in requests, and
-- the inference, counted in tokens, which the provider invoices to an account of your own, so that its BilledCost is 0.
-- A generation without a day is charged on the day it was fetched. OpenRouter tells neither account nor list prices:
-- its BillingAccountId is a constant, and list, contracted and effective cost of a charge are equal.
CREATE OR REPLACE VIEW main.focus_cost_and_usage AS
WITH facts AS (
    SELECT
        *,
        coalesce(requested_day, CAST(fetched_at AS DATE)) AS charged_day,
        CASE WHEN trim(workspace_id) <> '' THEN workspace_id END AS workspace,
        CASE WHEN trim(external_user) <> '' THEN external_user END AS end_user,
        CASE WHEN trim(model) <> '' THEN model ELSE 'unknown' END AS sku,
        CASE WHEN trim(provider_name) <> '' THEN provider_name END AS provider,
        coalesce(is_byok, false) AS is_own
    FROM main.generation_facts
),

daily AS (
    SELECT
        charged_day,
        workspace,
        api_key_name,
        app_id,
        end_user,
        sku,
        provider,
        is_own,
        CAST(sum(credits_usage) AS DECIMAL(28, 12)) AS credits_usage,
        CAST(sum(byok_usage) AS DECIMAL(28, 12)) AS byok_usage,
        CAST(coalesce(sum(native_tokens_prompt), 0) AS BIGINT) AS tokens_input,
        CAST(coalesce(sum(native_tokens_completion), 0) AS BIGINT) AS tokens_output,
        CAST(coalesce(sum(native_tokens_cached), 0) AS BIGINT) AS cached_tokens,
        CAST(coalesce(sum(native_tokens_reasoning), 0) AS BIGINT) AS reasoning_tokens,
        CAST(count(*) AS BIGINT) AS generations
    FROM facts
    GROUP BY charged_day, workspace, api_key_name, app_id, end_user, sku, provider, is_own
),

workspaces AS (
    SELECT workspace_id, arg_max(name, fetched_at) AS name
    FROM ops.workspaces
    GROUP BY workspace_id
),

charges AS (
    SELECT
        *,
        CASE WHEN is_own THEN 'byok fee' ELSE 'inference' END AS charge,
        credits_usage AS billed,
        credits_usage AS cost,
        'OpenRouter' AS issuer
    FROM daily
    UNION ALL
    SELECT
        *,
        'byok inference' AS charge,
        CAST(0 AS DECIMAL(28, 12)) AS billed,
        byok_usage AS cost,
        coalesce(provider, 'unknown') AS issuer
    FROM daily
    WHERE is_own
),

measured AS (
    SELECT
        * EXCLUDE (tokens_input, tokens_output, cached_tokens, reasoning_tokens),
        CASE WHEN charge <> 'byok fee' THEN tokens_input END AS tokens_input,
        CASE WHEN charge <> 'byok fee' THEN tokens_output END AS tokens_output,
        CASE WHEN charge <> 'byok fee' THEN cached_tokens END AS cached_tokens,
        CASE WHEN charge <> 'byok fee' THEN reasoning_tokens END AS reasoning_tokens,
        CAST(CASE WHEN charge = 'byok fee' THEN generations ELSE tokens_input + tokens_output END AS DOUBLE) AS quantity,
        CASE WHEN charge = 'byok fee' THEN 'Requests' ELSE 'Tokens' END AS unit
    FROM charges
),

final AS (
    SELECT
        billed AS BilledCost,
        CASE charge WHEN 'byok inference' THEN 'byok/' || issuer ELSE 'openrouter' END AS BillingAccountId,
        CASE charge WHEN 'byok inference' THEN 'Own account at ' || issuer ELSE 'OpenRouter account' END AS BillingAccountName,
        'USD' AS BillingCurrency,
        CAST(date_trunc('month', charged_day) + INTERVAL 1 MONTH AS TIMESTAMP) AS BillingPeriodEnd,
        CAST(date_trunc('month', charged_day) AS TIMESTAMP) AS BillingPeriodStart,
        'Usage' AS ChargeCategory,
        CAST(NULL AS VARCHAR) AS ChargeClass,
        CASE charge
            WHEN 'byok fee' THEN 'OpenRouter fee for inference on your own provider key'
            WHEN 'byok inference' THEN 'Inference on your own provider key, estimated at market rates'
            ELSE 'Inference paid from OpenRouter credits'
        END AS ChargeDescription,
        'Usage-Based' AS ChargeFrequency,
        CAST(charged_day + INTERVAL 1 DAY AS TIMESTAMP) AS ChargePeriodEnd,
        CAST(charged_day AS TIMESTAMP) AS ChargePeriodStart,
        CAST(NULL AS VARCHAR) AS CommitmentDiscountStatus,
        quantity AS ConsumedQuantity,
        unit AS ConsumedUnit,
        cost AS ContractedCost,
        cost AS EffectiveCost,
        CAST(NULL AS VARCHAR) AS InvoiceId,
        issuer AS InvoiceIssuerName,
        cost AS ListCost,
        quantity AS PricingQuantity,
        unit AS PricingUnit,
        issuer AS ProviderName,
        coalesce(nullif(trim(split_part(sku, '/', 1)), ''), 'unknown') AS PublisherName,
        'AI and Machine Learning' AS ServiceCategory,
        CASE charge WHEN 'byok inference' THEN issuer || ' inference' ELSE 'OpenRouter' END AS ServiceName,
        'Generative AI' AS ServiceSubcategory,
        sku AS SkuId,
        CASE charge WHEN 'byok fee' THEN 'BYOK Requests' ELSE 'Inference Tokens' END AS SkuMeter,
        CAST(json_object('x_InferenceProvider', provider) AS VARCHAR) AS SkuPriceDetails,
        sku || coalesce('@' || provider, '') || CASE charge WHEN 'byok fee' THEN '#byok-fee' ELSE '' END AS SkuPriceId,
        workspace AS SubAccountId,
        coalesce(workspaces.name, workspace) AS SubAccountName,
        CAST(json_object('app_id', app_id, 'external_user', end_user, 'api_key', api_key_name) AS VARCHAR) AS Tags,
        charge AS x_Charge,
        generations AS x_Generations,
        provider AS x_InferenceProvider,
        api_key_name AS x_ApiKeyName,
        app_id AS x_AppId,
        end_user AS x_ExternalUser,
        tokens_input AS x_InputTokens,
        tokens_output AS x_OutputTokens,
        cached_tokens AS x_CachedTokens,
        reasoning_tokens AS x_ReasoningTokens
    FROM measured
    LEFT JOIN workspaces ON workspaces.workspace_id = measured.workspace
)

SELECT * FROM final;

COMMENT ON VIEW main.focus_cost_and_usage IS 'One row per day (UTC), workspace, API key, app, end user, model, provider and charge: cost and usage as FOCUS 1.2. BYOK gives two charges, a fee and the inference. BilledCost over all rows is credits_usage, EffectiveCost is total_usage. OpenRouter tells neither account nor list prices: its BillingAccountId is a placeholder, and ListCost and ContractedCost equal EffectiveCost.';
COMMENT ON COLUMN main.focus_cost_and_usage.BilledCost IS 'What OpenRouter charges; 0 for BYOK inference, which the provider invoices. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingAccountId IS 'openrouter, a placeholder, for OpenRouter does not tell the account; byok/ and the provider for BYOK inference.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingAccountName IS 'A name for BillingAccountId.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingCurrency IS 'Always USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingPeriodEnd IS 'First moment after the month of the charge. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.BillingPeriodStart IS 'Begin of the month of the charge. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeCategory IS 'Always Usage.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeClass IS 'Always NULL: no corrections.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeDescription IS 'What the charge is for.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargeFrequency IS 'Always Usage-Based.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargePeriodEnd IS 'First moment after the day of the charge. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.ChargePeriodStart IS 'Begin of the day of the request; of the day it was fetched where that is unknown, see without_day of ops.data_quality. Unit: UTC.';
COMMENT ON COLUMN main.focus_cost_and_usage.CommitmentDiscountStatus IS 'Always NULL: OpenRouter has no commitment discounts.';
COMMENT ON COLUMN main.focus_cost_and_usage.ConsumedQuantity IS 'Prompt and completion tokens by the providers'' counts; requests for a BYOK fee. Unit: ConsumedUnit.';
COMMENT ON COLUMN main.focus_cost_and_usage.ConsumedUnit IS 'Tokens; Requests for a BYOK fee, so that tokens are counted once.';
COMMENT ON COLUMN main.focus_cost_and_usage.ContractedCost IS 'Equal to EffectiveCost. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.EffectiveCost IS 'What the usage cost, whoever invoices it: the sum over all rows is total_usage. For BYOK inference an estimate at market rates. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.InvoiceId IS 'Always NULL: the generation API names no invoice.';
COMMENT ON COLUMN main.focus_cost_and_usage.InvoiceIssuerName IS 'OpenRouter; for BYOK inference the provider, which bills your own account.';
COMMENT ON COLUMN main.focus_cost_and_usage.ListCost IS 'Equal to EffectiveCost: list prices are not told. Unit: USD.';
COMMENT ON COLUMN main.focus_cost_and_usage.PricingQuantity IS 'Equal to ConsumedQuantity. Unit: PricingUnit.';
COMMENT ON COLUMN main.focus_cost_and_usage.PricingUnit IS 'Equal to ConsumedUnit.';
COMMENT ON COLUMN main.focus_cost_and_usage.ProviderName IS 'OpenRouter; for BYOK inference the provider; unknown where the answer named none.';
COMMENT ON COLUMN main.focus_cost_and_usage.PublisherName IS 'Author of the model; unknown where the answer named none.';
COMMENT ON COLUMN main.focus_cost_and_usage.ServiceCategory IS 'Always AI and Machine Learning.';
COMMENT ON COLUMN main.focus_cost_and_usage.ServiceName IS 'OpenRouter, or the provider''s inference for BYOK.';
COMMENT ON COLUMN main.focus_cost_and_usage.ServiceSubcategory IS 'Always Generative AI.';
COMMENT ON COLUMN main.focus_cost_and_usage.SkuId IS 'The model; unknown where the answer named none.';
COMMENT ON COLUMN main.focus_cost_and_usage.SkuMeter IS 'What is metered: Inference Tokens or BYOK Requests.';
COMMENT ON COLUMN main.focus_cost_and_usage.SkuPriceDetails IS 'JSON object of what the price depends on beside the model: x_InferenceProvider.';
COMMENT ON COLUMN main.focus_cost_and_usage.SkuPriceId IS 'What sets the price: the model, after @ the provider that served it, if known, and #byok-fee for a fee.';
COMMENT ON COLUMN main.focus_cost_and_usage.SubAccountId IS 'Workspace; NULL for accounts without.';
COMMENT ON COLUMN main.focus_cost_and_usage.SubAccountName IS 'Name of the workspace; its ID where orusage reconcile did not tell the name.';
COMMENT ON COLUMN main.focus_cost_and_usage.Tags IS 'JSON object of app_id, external_user and api_key.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_Charge IS 'inference, byok fee or byok inference.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_Generations IS 'Generations behind it; both charges of a BYOK generation count it. Unit: generations.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_InferenceProvider IS 'Provider that served the requests; NULL where the answer named none.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_ApiKeyName IS 'API key that was used, as api_key_name of generation_facts; NULL where it is not known.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_AppId IS 'App that made the requests.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_ExternalUser IS 'The end user you named in the requests.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_InputTokens IS 'Prompt tokens, cached ones included; NULL for a BYOK fee. Unit: tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_OutputTokens IS 'Completion tokens, reasoning included; NULL for a BYOK fee. Unit: tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_CachedTokens IS 'Prompt tokens read from the provider''s cache; NULL for a BYOK fee. Unit: tokens.';
COMMENT ON COLUMN main.focus_cost_and_usage.x_ReasoningTokens IS 'Reasoning tokens; NULL for a BYOK fee. Unit: tokens.';

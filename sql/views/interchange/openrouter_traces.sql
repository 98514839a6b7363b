-- grain: one row per settled generation
-- The column names of the table OPENROUTER_TRACES that OpenRouter Broadcast fills in ClickHouse, Snowflake and BigQuery,
-- so that its dashboards and example queries run here. Source: the queries on OpenRouter's pages about Broadcast.
CREATE OR REPLACE VIEW main.openrouter_traces AS
WITH facts AS (
    SELECT * FROM main.generation_facts
),

contents AS (
    SELECT * FROM main.generation_contents
),

final AS (
    SELECT
        coalesce(facts.requested_at, CAST(facts.requested_day AS TIMESTAMP)) AS "TIMESTAMP",
        coalesce(facts.request_id, facts.generation_id) AS TRACE_ID,
        facts.generation_id AS SPAN_ID,
        'GENERATION' AS SPAN_TYPE,
        CASE WHEN facts.status = 'failed' THEN 'error' ELSE 'ok' END AS STATUS,
        CASE WHEN facts.status = 'failed' THEN 'ERROR' ELSE 'DEFAULT' END AS LEVEL,
        facts.model AS MODEL,
        facts.provider_name AS PROVIDER_NAME,
        facts.external_user AS USER_ID,
        facts.session_id AS SESSION_ID,
        facts.api_key_label AS API_KEY_NAME,
        facts.native_tokens_prompt AS PROMPT_TOKENS,
        facts.native_tokens_completion AS COMPLETION_TOKENS,
        coalesce(facts.native_tokens_prompt, 0) + coalesce(facts.native_tokens_completion, 0) AS TOTAL_TOKENS,
        facts.total_usage AS TOTAL_COST,
        facts.duration_ms AS DURATION_MS,
        facts.finish_reason AS FINISH_REASON,
        contents.input AS INPUT,
        contents.completion AS OUTPUT,
        facts.log_fields AS METADATA,
        CAST(NULL AS VARCHAR) AS ATTRIBUTES,
        CAST(NULL AS VARCHAR) AS MODEL_PARAMETERS
    FROM facts
    LEFT JOIN contents
        ON contents.generation_id = facts.generation_id
        AND contents.requested_at IS NOT DISTINCT FROM facts.requested_at
)

SELECT * FROM final;

COMMENT ON VIEW main.openrouter_traces IS 'One row per settled generation, under the column names of the table OPENROUTER_TRACES that OpenRouter Broadcast fills. What the generation API does not tell is NULL.';
COMMENT ON COLUMN main.openrouter_traces."TIMESTAMP" IS 'Second of the request; midnight of created_at''s day for legacy IDs. Unit: UTC.';
COMMENT ON COLUMN main.openrouter_traces.TRACE_ID IS 'The API request, or the generation where the answer names none. Not the trace_id that a client may have sent.';
COMMENT ON COLUMN main.openrouter_traces.SPAN_ID IS 'The generation.';
COMMENT ON COLUMN main.openrouter_traces.SPAN_TYPE IS 'Always GENERATION: other spans are not in the generation API.';
COMMENT ON COLUMN main.openrouter_traces.STATUS IS 'error if the generation failed, else ok.';
COMMENT ON COLUMN main.openrouter_traces.LEVEL IS 'ERROR if the generation failed, else DEFAULT.';
COMMENT ON COLUMN main.openrouter_traces.MODEL IS 'Model that answered.';
COMMENT ON COLUMN main.openrouter_traces.PROVIDER_NAME IS 'Provider that served the request.';
COMMENT ON COLUMN main.openrouter_traces.USER_ID IS 'The end user you named in the request.';
COMMENT ON COLUMN main.openrouter_traces.SESSION_ID IS 'The session.';
COMMENT ON COLUMN main.openrouter_traces.API_KEY_NAME IS 'Name of the API key that was used; NULL where discovery did not tell it.';
COMMENT ON COLUMN main.openrouter_traces.PROMPT_TOKENS IS 'Prompt tokens by the provider''s count. Unit: tokens.';
COMMENT ON COLUMN main.openrouter_traces.COMPLETION_TOKENS IS 'Completion tokens by the provider''s count. Unit: tokens.';
COMMENT ON COLUMN main.openrouter_traces.TOTAL_TOKENS IS 'PROMPT_TOKENS + COMPLETION_TOKENS. Unit: tokens.';
COMMENT ON COLUMN main.openrouter_traces.TOTAL_COST IS 'What it cost in all, total_usage of generation_facts: BYOK inference included. Unit: USD.';
COMMENT ON COLUMN main.openrouter_traces.DURATION_MS IS 'Time to the whole answer; NULL if copied from the response cache. Unit: ms.';
COMMENT ON COLUMN main.openrouter_traces.FINISH_REASON IS 'Why it ended, normalised.';
COMMENT ON COLUMN main.openrouter_traces.INPUT IS 'JSON of the prompt; NULL without --content.';
COMMENT ON COLUMN main.openrouter_traces.OUTPUT IS 'The completion; NULL without --content.';
COMMENT ON COLUMN main.openrouter_traces.METADATA IS 'JSON of the log line''s fields named by --keep-field; not the metadata that a client sent.';
COMMENT ON COLUMN main.openrouter_traces.ATTRIBUTES IS 'Always NULL: the generation API does not tell them.';
COMMENT ON COLUMN main.openrouter_traces.MODEL_PARAMETERS IS 'Always NULL: the generation API does not tell them.';

-- What OpenRouter says was used, from all that it tells: Activity with workspaces, Analytics' totals, credits and models.

ALTER TABLE ops.activity ADD COLUMN workspace_id VARCHAR;
ALTER TABLE ops.activity ADD COLUMN cached_tokens BIGINT;
ALTER TABLE ops.activity ADD COLUMN account VARCHAR;
ALTER TABLE ops.activity ADD COLUMN extra VARCHAR;

COMMENT ON TABLE ops.activity IS 'One row per account, day, model, endpoint and workspace: what OpenRouter says was used. Source: GET /activity, the last 30 completed days (UTC). Filled by orusage reconcile; a day that is asked again replaces its rows.';
COMMENT ON COLUMN ops.activity.model IS 'Slug of the model.';
COMMENT ON COLUMN ops.activity.usage IS 'Charged to credits by OpenRouter. Unit: USD.';
COMMENT ON COLUMN ops.activity.workspace_id IS 'Workspace; what is older than workspaces counts in the default one.';
COMMENT ON COLUMN ops.activity.cached_tokens IS 'Prompt tokens read from caches; may exceed prompt_tokens where answers were copied from the response cache. Unit: tokens.';
COMMENT ON COLUMN ops.activity.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.activity.extra IS 'JSON object of every field that no other column holds exactly, as it came; NULL if there is none.';

CREATE TABLE ops.activity_days (
    account VARCHAR,
    activity_day DATE,
    row_count BIGINT,
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.activity_days IS 'One row per account and day that GET /activity answered for, also if it told nothing: on such a day, a model without a row in ops.activity was not charged.';
COMMENT ON COLUMN ops.activity_days.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.activity_days.activity_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.activity_days.row_count IS 'Rows that the answer had. Unit: rows.';
COMMENT ON COLUMN ops.activity_days.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';

CREATE TABLE ops.analytics_days (
    account VARCHAR,
    usage_day DATE,
    request_count BIGINT,
    credits_usage DECIMAL(28,12),
    byok_usage DECIMAL(28,12),
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.analytics_days IS 'One row per account and day: the totals of POST /analytics/query, asked without any dimension. Filled by orusage reconcile; a day that is asked again replaces its row.';
COMMENT ON COLUMN ops.analytics_days.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.analytics_days.usage_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.analytics_days.request_count IS 'Requests. Unit: requests.';
COMMENT ON COLUMN ops.analytics_days.credits_usage IS 'Charged to credits by OpenRouter, BYOK fees included. Unit: USD.';
COMMENT ON COLUMN ops.analytics_days.byok_usage IS 'Charged by providers to your own keys, estimated. Unit: USD.';
COMMENT ON COLUMN ops.analytics_days.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';

CREATE TABLE ops.analytics_keys (
    account VARCHAR,
    usage_day DATE,
    api_key_label VARCHAR,
    request_count BIGINT,
    credits_usage DECIMAL(28,12),
    byok_usage DECIMAL(28,12),
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.analytics_keys IS 'One row per account, day and label of an API key: the same totals, asked by key. Keys of one label share a row.';
COMMENT ON COLUMN ops.analytics_keys.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.analytics_keys.usage_day IS 'Day. Unit: UTC.';
COMMENT ON COLUMN ops.analytics_keys.api_key_label IS 'Label of the API keys; NULL where Analytics names none.';
COMMENT ON COLUMN ops.analytics_keys.request_count IS 'Requests. Unit: requests.';
COMMENT ON COLUMN ops.analytics_keys.credits_usage IS 'Charged to credits by OpenRouter, BYOK fees included. Unit: USD.';
COMMENT ON COLUMN ops.analytics_keys.byok_usage IS 'Charged by providers to your own keys, estimated. Unit: USD.';
COMMENT ON COLUMN ops.analytics_keys.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';

CREATE TABLE ops.credits (
    account VARCHAR,
    fetched_at TIMESTAMP,
    total_credits DECIMAL(28,12),
    total_usage DECIMAL(28,12),
    extra VARCHAR
);

COMMENT ON TABLE ops.credits IS 'One row per account and time it was asked: the counters of GET /credits over the life of the account. The API keeps no history of them.';
COMMENT ON COLUMN ops.credits.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.credits.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';
COMMENT ON COLUMN ops.credits.total_credits IS 'Credits purchased so far. Unit: USD.';
COMMENT ON COLUMN ops.credits.total_usage IS 'Charged to credits so far, BYOK fees included; the total_usage of other tables contains BYOK inference, this does not. Unit: USD.';
COMMENT ON COLUMN ops.credits.extra IS 'JSON object of every field that no other column holds exactly, as it came; NULL if there is none.';

CREATE TABLE ops.models (
    slug VARCHAR,
    canonical_slug VARCHAR,
    name VARCHAR,
    pricing VARCHAR,
    expiration_date VARCHAR,
    is_listed BOOLEAN,
    extra VARCHAR,
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.models IS 'One row per model and change: what GET /models tells of it from then on. The newest row of a slug is the current one.';
COMMENT ON COLUMN ops.models.slug IS 'Slug of the model, as requests name it.';
COMMENT ON COLUMN ops.models.canonical_slug IS 'Canonical slug of the model (permaslug), as answers and bills name it.';
COMMENT ON COLUMN ops.models.name IS 'Name for people.';
COMMENT ON COLUMN ops.models.pricing IS 'JSON object of the list prices, as decimal text. Unit: USD per token, request or other unit.';
COMMENT ON COLUMN ops.models.expiration_date IS 'Date from which it is not served any more, as OpenRouter writes it; NULL if none is told.';
COMMENT ON COLUMN ops.models.is_listed IS 'Whether it is offered; FALSE from the time at which it had left the list.';
COMMENT ON COLUMN ops.models.extra IS 'JSON object of all other fields, as of this change.';
COMMENT ON COLUMN ops.models.fetched_at IS 'When OpenRouter was asked. Unit: UTC.';

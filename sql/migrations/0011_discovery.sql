-- What OpenRouter itself tells of generations: through its Analytics API, or in its Logs CSV.

CREATE TABLE ops.discoveries (
    source VARCHAR,
    account VARCHAR,
    since TIMESTAMP,
    until TIMESTAMP,
    asked_at TIMESTAMP,
    rows BIGINT,
    rows_without_id BIGINT,
    usage_without_id DECIMAL(28,12),
    new_ids BIGINT,
    truncated BOOLEAN,
    problem VARCHAR,
    run_id VARCHAR
);

COMMENT ON TABLE ops.discoveries IS 'One row per window of time that Analytics was asked about, and per part of a Logs CSV that was read, by `orusage discover`.';
COMMENT ON COLUMN ops.discoveries.source IS 'openrouter:analytics, or the path of the CSV.';
COMMENT ON COLUMN ops.discoveries.account IS 'Name of the configured account whose key was used; NULL without configured accounts.';
COMMENT ON COLUMN ops.discoveries.since IS 'Begin of the window; NULL for a CSV. Unit: UTC.';
COMMENT ON COLUMN ops.discoveries.until IS 'End of the window; NULL for a CSV. Unit: UTC.';
COMMENT ON COLUMN ops.discoveries.asked_at IS 'When the answer was stored. Unit: UTC.';
COMMENT ON COLUMN ops.discoveries.rows IS 'Rows that were told. Unit: rows.';
COMMENT ON COLUMN ops.discoveries.rows_without_id IS 'Those of them that name no generation ID of a known form; they are kept nowhere else. Unit: rows.';
COMMENT ON COLUMN ops.discoveries.usage_without_id IS 'What those rows cost. Unit: USD.';
COMMENT ON COLUMN ops.discoveries.new_ids IS 'IDs that were neither in the ledger nor settled. Unit: IDs.';
COMMENT ON COLUMN ops.discoveries.truncated IS 'Whether there are more generations in this second than one answer tells: it is incomplete.';
COMMENT ON COLUMN ops.discoveries.problem IS 'What was wrong; NULL if nothing.';
COMMENT ON COLUMN ops.discoveries.run_id IS 'When the command that asked began, as a name.';

CREATE TABLE main.discovered_generations (
    generation_id VARCHAR,
    requested_at TIMESTAMP,
    requested_day DATE,
    account VARCHAR,
    source VARCHAR,
    source_line BIGINT,
    api_key_label VARCHAR,
    api_key_hash VARCHAR,
    request_count BIGINT,
    total_usage DECIMAL(18,12),
    credits_usage DECIMAL(18,12),
    byok_usage DECIMAL(18,12),
    byok_fees DECIMAL(18,12),
    usage_web DECIMAL(18,12),
    usage_file DECIMAL(18,12),
    usage_cache DECIMAL(18,12),
    usage_data DECIMAL(18,12),
    extra VARCHAR,
    discovered_at TIMESTAMP
);

COMMENT ON TABLE main.discovered_generations IS 'One row per generation that Analytics or a Logs CSV told of, by `orusage discover`: its key and its cost by their account. A later telling fills and replaces what an earlier one told.';
COMMENT ON COLUMN main.discovered_generations.generation_id IS 'The ID; each stands in one row.';
COMMENT ON COLUMN main.discovered_generations.requested_at IS 'Second of the request, taken from the ID; NULL for IDs from before October 2024. Unit: UTC.';
COMMENT ON COLUMN main.discovered_generations.requested_day IS 'Day of requested_at. Unit: UTC.';
COMMENT ON COLUMN main.discovered_generations.account IS 'Name of the configured account whose key was used; NULL without configured accounts.';
COMMENT ON COLUMN main.discovered_generations.source IS 'Who told last: openrouter:analytics, or the path of the CSV.';
COMMENT ON COLUMN main.discovered_generations.source_line IS 'Number of its line in the CSV, from 1; NULL for Analytics. Unit: lines.';
COMMENT ON COLUMN main.discovered_generations.api_key_label IS 'Name of the key that was used. Several keys may have one name.';
COMMENT ON COLUMN main.discovered_generations.api_key_hash IS 'Hash of the key that was used, as in the list of keys; NULL where it is not certain.';
COMMENT ON COLUMN main.discovered_generations.request_count IS 'Requests that it counts for in Analytics. Unit: requests.';
COMMENT ON COLUMN main.discovered_generations.total_usage IS 'What it cost in all: credits_usage + byok_usage. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.credits_usage IS 'Charged to credits, fees for BYOK included; cost_total of a CSV. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.byok_usage IS 'What the provider charged the account''s own key, an estimate at market rates. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.byok_fees IS 'The fee for BYOK, part of credits_usage. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.usage_web IS 'The part for web search. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.usage_file IS 'The part for reading files. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.usage_cache IS 'The part of the prompt cache: the cost of writing to it, or, negative, what it saved. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.usage_data IS 'The discount for sharing data; negative. Unit: USD.';
COMMENT ON COLUMN main.discovered_generations.extra IS 'JSON object of everything else that was told, and of every value that its column cannot hold exactly; NULL if there is none.';
COMMENT ON COLUMN main.discovered_generations.discovered_at IS 'When it was first told. Unit: UTC.';

COMMENT ON COLUMN ops.work.source IS 'Where it was first seen: a file, a URL, - for standard input, or openrouter:analytics.';
COMMENT ON COLUMN ops.work.position IS 'Offset of the ID in the decompressed source; NULL: it stands in the source''s name, or was told by `orusage discover`. Unit: bytes.';
COMMENT ON COLUMN main.generations.source IS 'Where the ID was first seen: a file, a URL, - for standard input, or openrouter:analytics.';
COMMENT ON COLUMN main.generations.source_position IS 'Offset of the ID in the source''s text, that is decompressed and as UTF-8; NULL: it stands in the source''s name, or was told by `orusage discover`. Unit: bytes.';

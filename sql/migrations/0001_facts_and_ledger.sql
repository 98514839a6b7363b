-- Facts are append-only and carry no key, no constraint and no index: those cost up to 18 times at ten million rows.
-- Uniqueness comes from the anti-joins that insert; types, units and meanings are those of ingest/schema.py, by test.

CREATE TABLE main.generations (
    generation_id VARCHAR,
    requested_at TIMESTAMP,
    requested_day DATE,
    id VARCHAR,
    created_at TIMESTAMP,
    api_type VARCHAR,
    model VARCHAR,
    provider_name VARCHAR,
    router VARCHAR,
    service_tier VARCHAR,
    data_region VARCHAR,
    usage DECIMAL(18,12),
    total_cost DECIMAL(18,12),
    upstream_inference_cost DECIMAL(18,12),
    cache_discount DECIMAL(18,12),
    is_byok BOOLEAN,
    tokens_prompt BIGINT,
    tokens_completion BIGINT,
    native_tokens_prompt BIGINT,
    native_tokens_completion BIGINT,
    native_tokens_completion_images BIGINT,
    native_tokens_reasoning BIGINT,
    native_tokens_cached BIGINT,
    num_media_prompt BIGINT,
    num_input_audio_prompt BIGINT,
    num_media_completion BIGINT,
    num_search_results BIGINT,
    num_fetches BIGINT,
    web_search_engine VARCHAR,
    latency DOUBLE,
    generation_time DOUBLE,
    moderation_latency DOUBLE,
    finish_reason VARCHAR,
    native_finish_reason VARCHAR,
    streamed BOOLEAN,
    cancelled BOOLEAN,
    response_cache_source_id VARCHAR,
    app_id BIGINT,
    origin VARCHAR,
    http_referer VARCHAR,
    user_agent VARCHAR,
    external_user VARCHAR,
    session_id VARCHAR,
    request_id VARCHAR,
    upstream_id VARCHAR,
    preset_id VARCHAR,
    workspace_id VARCHAR,
    attempts BIGINT,
    extra VARCHAR,
    fetched_at TIMESTAMP,
    run_id VARCHAR,
    source VARCHAR,
    source_position BIGINT
);

COMMENT ON TABLE main.generations IS 'One row per settled generation ID. Source: GET /generation. Money is rounded half-even to 12 places; what rounding changed stands in extra.';
COMMENT ON COLUMN main.generations.generation_id IS 'The ID as it was asked for; each stands in one row.';
COMMENT ON COLUMN main.generations.requested_at IS 'Second of the request, taken from the ID; NULL for IDs from before October 2024. Unit: UTC.';
COMMENT ON COLUMN main.generations.requested_day IS 'Day of requested_at, or of created_at for IDs without a time. Unit: UTC.';
COMMENT ON COLUMN main.generations.id IS 'The ID that came back; nearly always the one asked for, see generation_id.';
COMMENT ON COLUMN main.generations.created_at IS 'When OpenRouter created the record. Unit: UTC.';
COMMENT ON COLUMN main.generations.api_type IS 'API that was called: completions, embeddings, image, …; new values appear.';
COMMENT ON COLUMN main.generations.model IS 'Model that answered.';
COMMENT ON COLUMN main.generations.provider_name IS 'Provider that served the request.';
COMMENT ON COLUMN main.generations.router IS 'Router that chose the model, such as openrouter/auto; NULL if none.';
COMMENT ON COLUMN main.generations.service_tier IS 'Service tier the provider reported; NULL if none.';
COMMENT ON COLUMN main.generations.data_region IS 'Region it was routed through: global, europe or us.';
COMMENT ON COLUMN main.generations.usage IS 'Charged by OpenRouter. For BYOK the fee alone, see upstream_inference_cost. Unit: USD.';
COMMENT ON COLUMN main.generations.total_cost IS 'Total cost; equal to usage in every answer seen. Unit: USD.';
COMMENT ON COLUMN main.generations.upstream_inference_cost IS 'Charged by the provider. Add it to usage for BYOK only: elsewhere usage contains it already. Can be negative. Unit: USD.';
COMMENT ON COLUMN main.generations.cache_discount IS 'Saved by prompt caching; negative where writing the cache cost more. Unit: USD.';
COMMENT ON COLUMN main.generations.is_byok IS 'Whether your own provider key paid for the inference.';
COMMENT ON COLUMN main.generations.tokens_prompt IS 'Prompt tokens, normalised; billing uses native_tokens_prompt. Unit: tokens.';
COMMENT ON COLUMN main.generations.tokens_completion IS 'Completion tokens, normalised; billing uses native_tokens_completion. Unit: tokens.';
COMMENT ON COLUMN main.generations.native_tokens_prompt IS 'Prompt tokens by the provider''s count; contains the cached ones. Unit: tokens.';
COMMENT ON COLUMN main.generations.native_tokens_completion IS 'Completion tokens by the provider''s count; contains the reasoning ones. Unit: tokens.';
COMMENT ON COLUMN main.generations.native_tokens_completion_images IS 'Completion tokens that are images. Unit: tokens.';
COMMENT ON COLUMN main.generations.native_tokens_reasoning IS 'Reasoning tokens; some providers report more than native_tokens_completion. Unit: tokens.';
COMMENT ON COLUMN main.generations.native_tokens_cached IS 'Prompt tokens read from the provider''s cache. Unit: tokens.';
COMMENT ON COLUMN main.generations.num_media_prompt IS 'Media items in the prompt. Unit: items.';
COMMENT ON COLUMN main.generations.num_input_audio_prompt IS 'Audio inputs in the prompt. Unit: items.';
COMMENT ON COLUMN main.generations.num_media_completion IS 'Media items in the completion. Unit: items.';
COMMENT ON COLUMN main.generations.num_search_results IS 'Web search results used. Unit: results.';
COMMENT ON COLUMN main.generations.num_fetches IS 'Web pages fetched. Unit: fetches.';
COMMENT ON COLUMN main.generations.web_search_engine IS 'Web search engine used; NULL if none.';
COMMENT ON COLUMN main.generations.latency IS 'Time to the first token if streamed, else to the whole answer. Never add it to generation_time. Unit: ms.';
COMMENT ON COLUMN main.generations.generation_time IS 'Time the provider took for the whole answer; latency lies inside it. Unit: ms.';
COMMENT ON COLUMN main.generations.moderation_latency IS 'Time taken by moderation; NULL if there was none. Unit: ms.';
COMMENT ON COLUMN main.generations.finish_reason IS 'Why it ended, normalised; NULL if cancelled.';
COMMENT ON COLUMN main.generations.native_finish_reason IS 'Why it ended, in the provider''s word.';
COMMENT ON COLUMN main.generations.streamed IS 'Whether the answer was streamed.';
COMMENT ON COLUMN main.generations.cancelled IS 'Whether the client went away; it may have cost money all the same.';
COMMENT ON COLUMN main.generations.response_cache_source_id IS 'The generation this answer was copied from, at no cost; NULL if none.';
COMMENT ON COLUMN main.generations.app_id IS 'App that made the request.';
COMMENT ON COLUMN main.generations.origin IS 'Origin URL of the request; may be empty.';
COMMENT ON COLUMN main.generations.http_referer IS 'Referer header of the request.';
COMMENT ON COLUMN main.generations.user_agent IS 'User-Agent header of the request.';
COMMENT ON COLUMN main.generations.external_user IS 'The end user you named in the request.';
COMMENT ON COLUMN main.generations.session_id IS 'Groups the generations of one session.';
COMMENT ON COLUMN main.generations.request_id IS 'Groups the generations of one API request.';
COMMENT ON COLUMN main.generations.upstream_id IS 'The provider''s own ID.';
COMMENT ON COLUMN main.generations.preset_id IS 'Preset used; NULL if none.';
COMMENT ON COLUMN main.generations.workspace_id IS 'Workspace it is attributed to; NULL for accounts without.';
COMMENT ON COLUMN main.generations.attempts IS 'Providers asked for it: its rows in provider_attempts. Unit: attempts.';
COMMENT ON COLUMN main.generations.extra IS 'JSON object of every field that no column holds exactly, as it came; NULL if there is none.';
COMMENT ON COLUMN main.generations.fetched_at IS 'When the answer arrived. Unit: UTC.';
COMMENT ON COLUMN main.generations.run_id IS 'Run that stored it, see ops.runs.';
COMMENT ON COLUMN main.generations.source IS 'Where the ID was first seen: a file, or - for standard input.';
COMMENT ON COLUMN main.generations.source_position IS 'Offset of the ID in the decompressed source. Unit: bytes.';

CREATE TABLE main.provider_attempts (
    generation_id VARCHAR,
    requested_at TIMESTAMP,
    attempt BIGINT,
    provider_name VARCHAR,
    status BIGINT,
    latency DOUBLE,
    is_byok BOOLEAN,
    endpoint_id VARCHAR,
    model_permaslug VARCHAR,
    routed_service_tier VARCHAR,
    id VARCHAR,
    extra VARCHAR
);

COMMENT ON TABLE main.provider_attempts IS 'One row per provider asked for a generation, in order. Source: provider_responses of GET /generation.';
COMMENT ON COLUMN main.provider_attempts.generation_id IS 'The ID as it was asked for; each stands in one row.';
COMMENT ON COLUMN main.provider_attempts.requested_at IS 'Second of the request, taken from the ID; NULL for IDs from before October 2024. Unit: UTC.';
COMMENT ON COLUMN main.provider_attempts.attempt IS '1 for the first provider asked, and so on.';
COMMENT ON COLUMN main.provider_attempts.provider_name IS 'Provider that was asked.';
COMMENT ON COLUMN main.provider_attempts.status IS 'HTTP status the provider answered; NULL if none came. Unit: HTTP status.';
COMMENT ON COLUMN main.provider_attempts.latency IS 'Time the provider took; may differ from the generation''s latency. Unit: ms.';
COMMENT ON COLUMN main.provider_attempts.is_byok IS 'Whether your own provider key was used.';
COMMENT ON COLUMN main.provider_attempts.endpoint_id IS 'OpenRouter''s endpoint.';
COMMENT ON COLUMN main.provider_attempts.model_permaslug IS 'Canonical slug of the model.';
COMMENT ON COLUMN main.provider_attempts.routed_service_tier IS 'Service tier it was routed to; the tier billed may differ.';
COMMENT ON COLUMN main.provider_attempts.id IS 'The provider''s ID of its response.';
COMMENT ON COLUMN main.provider_attempts.extra IS 'JSON object of every field that no column holds exactly, as it came; NULL if there is none.';

CREATE TABLE ops.work (
    generation_id VARCHAR,
    state VARCHAR,
    first_seen_at TIMESTAMP,
    requested_at TIMESTAMP,
    source VARCHAR,
    position BIGINT,
    requests BIGINT,
    runs BIGINT,
    not_before TIMESTAMP,
    last_status BIGINT,
    reason VARCHAR
);

COMMENT ON TABLE ops.work IS 'One row per ID that is not settled: pending → settled (the row leaves) or dead (kept, with its reason). A run updates it in place.';
COMMENT ON COLUMN ops.work.generation_id IS 'The ID.';
COMMENT ON COLUMN ops.work.state IS 'pending or dead.';
COMMENT ON COLUMN ops.work.first_seen_at IS 'When a run first saw it. Unit: UTC.';
COMMENT ON COLUMN ops.work.requested_at IS 'Second of the request, taken from the ID; NULL for IDs from before October 2024. Unit: UTC.';
COMMENT ON COLUMN ops.work.source IS 'Where it was first seen: a file, or - for standard input.';
COMMENT ON COLUMN ops.work.position IS 'Offset of the ID in the decompressed source. Unit: bytes.';
COMMENT ON COLUMN ops.work.requests IS 'Requests spent on it so far. Unit: requests.';
COMMENT ON COLUMN ops.work.runs IS 'Runs in a row that ended with this reason; an ask cut short by throttling or the run''s end does not count. Unit: runs.';
COMMENT ON COLUMN ops.work.not_before IS 'No run asks before this time; NULL: the next run may. Unit: UTC.';
COMMENT ON COLUMN ops.work.last_status IS 'Status of its last answer; NULL if none came. Unit: HTTP status.';
COMMENT ON COLUMN ops.work.reason IS 'Why it is pending or dead, such as not_found_yet or http_410; NULL before the first ask.';

CREATE TABLE ops.sources (
    source VARCHAR,
    fingerprint VARCHAR,
    position BIGINT,
    size BIGINT,
    complete BOOLEAN,
    sightings BIGINT,
    problem VARCHAR,
    last_read_at TIMESTAMP,
    run_id VARCHAR
);

COMMENT ON TABLE ops.sources IS 'One row per source ever read, as it was at its last reading.';
COMMENT ON COLUMN ops.sources.source IS 'A file, or - for standard input.';
COMMENT ON COLUMN ops.sources.fingerprint IS 'SHA-256 of its first 4 KiB of decompressed text, in hex.';
COMMENT ON COLUMN ops.sources.position IS 'How far it was read, decompressed. Unit: bytes.';
COMMENT ON COLUMN ops.sources.size IS 'Its size on disk; NULL for a stream. Unit: bytes.';
COMMENT ON COLUMN ops.sources.complete IS 'Whether it was read to its end; false for a truncated archive.';
COMMENT ON COLUMN ops.sources.sightings IS 'IDs found in it at its last reading; close repetitions count once. Unit: IDs.';
COMMENT ON COLUMN ops.sources.problem IS 'What was wrong with it; NULL if nothing.';
COMMENT ON COLUMN ops.sources.last_read_at IS 'When it was last read. Unit: UTC.';
COMMENT ON COLUMN ops.sources.run_id IS 'The run that read it last.';

CREATE TABLE ops.runs (
    run_id VARCHAR,
    started_at TIMESTAMP,
    finished_at TIMESTAMP,
    version VARCHAR,
    base_url VARCHAR,
    bytes_read BIGINT,
    sightings BIGINT,
    new_ids BIGINT,
    requests BIGINT,
    settled BIGINT,
    pending BIGINT,
    dead BIGINT,
    throttled BIGINT,
    overloaded BIGINT,
    spend_added DECIMAL(28,12),
    exit_code BIGINT
);

COMMENT ON TABLE ops.runs IS 'One row per run that wrote. A run without finished_at was killed or is under way.';
COMMENT ON COLUMN ops.runs.run_id IS 'Its name; sorts by start.';
COMMENT ON COLUMN ops.runs.started_at IS 'Start. Unit: UTC.';
COMMENT ON COLUMN ops.runs.finished_at IS 'End; NULL while under way or if killed. Unit: UTC.';
COMMENT ON COLUMN ops.runs.version IS 'Version of orusage.';
COMMENT ON COLUMN ops.runs.base_url IS 'The API it asked.';
COMMENT ON COLUMN ops.runs.bytes_read IS 'Text read from sources, decompressed. Unit: bytes.';
COMMENT ON COLUMN ops.runs.sightings IS 'IDs found in sources. Unit: IDs.';
COMMENT ON COLUMN ops.runs.new_ids IS 'IDs never seen before. Unit: IDs.';
COMMENT ON COLUMN ops.runs.requests IS 'Requests sent. Unit: requests.';
COMMENT ON COLUMN ops.runs.settled IS 'IDs settled. Unit: IDs.';
COMMENT ON COLUMN ops.runs.pending IS 'IDs asked and left pending. Unit: IDs.';
COMMENT ON COLUMN ops.runs.dead IS 'IDs buried. Unit: IDs.';
COMMENT ON COLUMN ops.runs.throttled IS 'Answers 429. Unit: requests.';
COMMENT ON COLUMN ops.runs.overloaded IS 'Answers 503 and 529. Unit: requests.';
COMMENT ON COLUMN ops.runs.spend_added IS 'total_usage of what it settled. Unit: USD.';
COMMENT ON COLUMN ops.runs.exit_code IS 'Exit code; NULL while under way or if killed.';

-- Prompts and completions, kept apart from the facts so that they can be forgotten alone. Filled by `ingest --content` only.

CREATE TABLE main.generation_contents (
    generation_id VARCHAR,
    requested_at TIMESTAMP,
    http_status BIGINT,
    reason VARCHAR,
    input VARCHAR,
    completion VARCHAR,
    reasoning VARCHAR,
    error VARCHAR,
    extra VARCHAR,
    fetched_at TIMESTAMP,
    run_id VARCHAR
);

COMMENT ON TABLE main.generation_contents IS 'One row per generation ID whose content was asked for, with --content only. Source: GET /generation/content. It holds what people wrote to models.';
COMMENT ON COLUMN main.generation_contents.generation_id IS 'The ID as it was asked for; each stands in one row.';
COMMENT ON COLUMN main.generation_contents.requested_at IS 'Second of the request, taken from the ID; NULL for IDs from before October 2024. Unit: UTC.';
COMMENT ON COLUMN main.generation_contents.http_status IS 'Status the ask for content was answered with; NULL if no answer came. Unit: HTTP status.';
COMMENT ON COLUMN main.generation_contents.reason IS 'Why there is no content: http_403, http_404, unreadable, timeout, …; NULL if there is.';
COMMENT ON COLUMN main.generation_contents.input IS 'JSON of what went in: an object with prompt or messages.';
COMMENT ON COLUMN main.generation_contents.completion IS 'The completion; NULL if there is none.';
COMMENT ON COLUMN main.generation_contents.reasoning IS 'The reasoning before it; NULL if there is none.';
COMMENT ON COLUMN main.generation_contents.error IS 'JSON of the stored error of a generation that failed, its previous errors included.';
COMMENT ON COLUMN main.generation_contents.extra IS 'JSON object of every field that no column holds exactly, as it came; NULL if there is none.';
COMMENT ON COLUMN main.generation_contents.fetched_at IS 'When the answer arrived. Unit: UTC.';
COMMENT ON COLUMN main.generation_contents.run_id IS 'Run that stored it, see ops.runs.';

-- What was erased on request stays erased: it is not taken in again, wherever its IDs turn up.

CREATE TABLE ops.erasures (
    erased_at TIMESTAMP,
    before TIMESTAMP,
    generations BIGINT,
    provider_attempts BIGINT,
    generation_contents BIGINT,
    unsettled BIGINT
);

COMMENT ON TABLE ops.erasures IS 'One row per `warehouse forget`: what it erased. It never says whose.';
COMMENT ON COLUMN ops.erasures.erased_at IS 'When. Unit: UTC.';
COMMENT ON COLUMN ops.erasures.before IS 'IDs whose own second is earlier are not taken in again; NULL if a user was forgotten. Unit: UTC.';
COMMENT ON COLUMN ops.erasures.generations IS 'Generations erased. Unit: rows.';
COMMENT ON COLUMN ops.erasures.provider_attempts IS 'Their attempts. Unit: rows.';
COMMENT ON COLUMN ops.erasures.generation_contents IS 'Their prompts and completions. Unit: rows.';
COMMENT ON COLUMN ops.erasures.unsettled IS 'IDs erased from the ledger, pending or dead. Unit: IDs.';

CREATE TABLE ops.forgotten (
    id_hash VARCHAR,
    requested_at TIMESTAMP
);

COMMENT ON TABLE ops.forgotten IS 'One row per ID that was erased and is told by no date: it is not taken in again.';
COMMENT ON COLUMN ops.forgotten.id_hash IS 'SHA-256 of the ID, in hex.';
COMMENT ON COLUMN ops.forgotten.requested_at IS 'The second inside the ID; NULL for legacy IDs. Unit: UTC.';

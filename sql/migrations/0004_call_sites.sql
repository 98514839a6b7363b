-- Where each ID stands in the logs, what its line tells, and how far each source was read, told by its content.

ALTER TABLE main.generations ADD COLUMN source_line BIGINT;
ALTER TABLE main.generations ADD COLUMN logged_at TIMESTAMP;
ALTER TABLE main.generations ADD COLUMN log_fields VARCHAR;

COMMENT ON COLUMN main.generations.source_position IS 'Offset of the ID in the source''s text, that is decompressed and as UTF-8; NULL: it stands in the source''s name. Unit: bytes.';
COMMENT ON COLUMN main.generations.source_line IS 'Number of its line there, from 1; NULL if unknown. Unit: lines.';
COMMENT ON COLUMN main.generations.logged_at IS 'The log line''s own time, where it is obvious: one with a zone, or one that must be UTC beside requested_at. Unit: UTC.';
COMMENT ON COLUMN main.generations.log_fields IS 'JSON object of the line''s fields named by --keep-field; NULL if it had none of them.';

ALTER TABLE ops.work ADD COLUMN line BIGINT;
ALTER TABLE ops.work ADD COLUMN logged_at TIMESTAMP;
ALTER TABLE ops.work ADD COLUMN log_fields VARCHAR;

COMMENT ON COLUMN ops.work.position IS 'Offset of the ID in the source''s text, that is decompressed and as UTF-8; NULL: it stands in the source''s name. Unit: bytes.';
COMMENT ON COLUMN ops.work.line IS 'Number of its line there, from 1; NULL if unknown. Unit: lines.';
COMMENT ON COLUMN ops.work.logged_at IS 'The log line''s own time, where it is obvious: one with a zone, or one that must be UTC beside requested_at. Unit: UTC.';
COMMENT ON COLUMN ops.work.log_fields IS 'JSON object of the line''s fields named by --keep-field; NULL if it had none of them.';

ALTER TABLE ops.sources ADD COLUMN file VARCHAR;
ALTER TABLE ops.sources ADD COLUMN signature VARCHAR;
ALTER TABLE ops.sources ADD COLUMN covered BIGINT;
ALTER TABLE ops.sources ADD COLUMN resume_at BIGINT;
ALTER TABLE ops.sources ADD COLUMN line BIGINT;
ALTER TABLE ops.sources ADD COLUMN coded BOOLEAN;
ALTER TABLE ops.sources ADD COLUMN tail VARCHAR;
ALTER TABLE ops.sources ADD COLUMN checksum BIGINT;
ALTER TABLE ops.sources ADD COLUMN exhausted BOOLEAN;

COMMENT ON TABLE ops.sources IS 'One row per source ever read, as it was at its last reading, with the checkpoint from which the next one reads on. A file is known again by its content, whatever its name.';
COMMENT ON COLUMN ops.sources.source IS 'A file, a URL, or - for standard input.';
COMMENT ON COLUMN ops.sources.fingerprint IS 'SHA-256 of the first 4,096, 512 or 64 bytes of the file, whichever are covered, in hex.';
COMMENT ON COLUMN ops.sources.position IS 'How far its text was read, decompressed and as UTF-8. Unit: bytes.';
COMMENT ON COLUMN ops.sources.complete IS 'Whether it was read to its end; false for a truncated or corrupt archive.';
COMMENT ON COLUMN ops.sources.sightings IS 'IDs found in it so far; close repetitions count once. Unit: IDs.';
COMMENT ON COLUMN ops.sources.file IS 'What names the file whatever it is called: device and inode, or a URL; NULL for a stream.';
COMMENT ON COLUMN ops.sources.signature IS 'Another one whenever the file has changed: its size and times; NULL where it had changed a moment ago.';
COMMENT ON COLUMN ops.sources.covered IS 'Bytes of the file, as it is stored, that need not be read again. Unit: bytes.';
COMMENT ON COLUMN ops.sources.resume_at IS 'Bytes of its text that need not be searched again: to the end of its last complete line. Unit: bytes.';
COMMENT ON COLUMN ops.sources.line IS 'Lines in those. Unit: lines.';
COMMENT ON COLUMN ops.sources.coded IS 'Whether it is an archive or UTF-16, so that its bytes are not its text''s.';
COMMENT ON COLUMN ops.sources.tail IS 'SHA-256 of the last 4,096 bytes covered, in hex.';
COMMENT ON COLUMN ops.sources.checksum IS 'CRC-32 of the bytes covered.';
COMMENT ON COLUMN ops.sources.exhausted IS 'Whether all was read that can be: to its end, or to where it is damaged, which complete tells apart; false if a run was interrupted in it.';

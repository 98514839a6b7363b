-- Chosen IDs are known again by their hash; those that a date tells need none.
INSERT INTO ops.forgotten (id_hash, requested_at)
SELECT sha256(generation_id), requested_at FROM chosen WHERE requested_at IS NULL OR $before IS NULL;

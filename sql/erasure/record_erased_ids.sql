-- Records hashes of the chosen IDs, so that they are refused when they are seen again. An ID with a second needs none
-- if it was chosen by date.
INSERT INTO ops.forgotten (id_hash, requested_at)
SELECT sha256(generation_id), requested_at FROM chosen WHERE requested_at IS NULL OR $before IS NULL;

-- Chooses the IDs to forget: the generations of one end user.
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT DISTINCT generation_id, requested_at FROM main.generations WHERE external_user = $user;

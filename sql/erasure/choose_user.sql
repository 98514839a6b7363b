-- What is to be forgotten: the generations of one user.
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT DISTINCT generation_id, requested_at FROM main.generations WHERE external_user = $user;

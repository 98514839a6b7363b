-- So many IDs are no longer accounted for: they were erased on request.
UPDATE ops.last_commit
SET known_ids = known_ids - $released;

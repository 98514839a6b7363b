-- Lowers the number of IDs that the ledger accounts for by the number of erased ones.
UPDATE ops.last_commit
SET known_ids = known_ids - $released;

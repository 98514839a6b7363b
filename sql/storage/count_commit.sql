-- Part of every transaction: counts it, and the IDs that it adds.
UPDATE ops.last_commit
SET
    number = number + 1,
    known_ids = known_ids + $taken_in
RETURNING number;

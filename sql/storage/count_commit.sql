-- Part of every transaction: its number, and how many IDs it takes in.
UPDATE ops.last_commit
SET
    number = number + 1,
    known_ids = known_ids + $taken_in
RETURNING number;

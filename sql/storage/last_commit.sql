-- The number of the last committed transaction.
SELECT number FROM ops.last_commit;

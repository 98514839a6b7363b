-- The number of the last transaction that was stored.
SELECT number FROM ops.last_commit;

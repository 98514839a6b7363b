-- One row: how much is settled, pending and dead, and how fresh it is.
SELECT * FROM ops.freshness;

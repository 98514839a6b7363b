-- One row: the number of settled, pending and dead IDs, and how recent they are.
SELECT * FROM ops.freshness;

-- Whether the warehouse has recorded an erasure.
SELECT count(*) > 0 FROM ops.erasures;

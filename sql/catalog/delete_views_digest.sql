-- The set of views in force is about to be replaced.
DELETE FROM ops.migrations
WHERE number = 0;

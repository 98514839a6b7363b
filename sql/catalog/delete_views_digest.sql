-- Deletes the digest of the views before they are replaced.
DELETE FROM ops.migrations
WHERE number = 0;

-- A session that leaves the file as it is: whatever is committed stays in the write-ahead log.
PRAGMA disable_checkpoint_on_shutdown;

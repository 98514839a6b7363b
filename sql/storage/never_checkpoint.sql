-- Leaves the file unchanged when the session ends: commits stay in the write-ahead log.
PRAGMA disable_checkpoint_on_shutdown;

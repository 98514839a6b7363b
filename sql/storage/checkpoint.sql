-- The write-ahead log into the file.
CHECKPOINT;

-- The number of the file's blocks, and the bytes of one.
SELECT total_blocks, block_size
FROM pragma_database_size()
WHERE database_name = current_database();

-- Where a rehearsal notes the IDs that a run would add. It lies in memory, or beside it, and ends with the connection.
CREATE TEMP TABLE rehearsed (generation_id VARCHAR, requested_at TIMESTAMP);

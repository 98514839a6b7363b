-- Removes settled IDs from the ledger, in the transaction that stores their generations.
DELETE FROM ops.work
WHERE requested_at BETWEEN $low AND $high
  AND generation_id IN (SELECT generation_id FROM incoming);

-- What this run's asks left pending or dead. An ask that was cut short, by a throttling server or the run's own end,
-- is not the ID's fault: it adds to the requests, and the next run may ask at once.
UPDATE ops.work AS w
SET
    state = i.state,
    requests = w.requests + i.requests,
    runs = CASE
        WHEN NOT i.charged THEN w.runs
        WHEN w.reason = i.reason THEN w.runs + 1
        ELSE 1
    END,
    not_before = i.not_before,
    last_status = CASE WHEN i.charged THEN i.last_status ELSE w.last_status END,
    reason = CASE WHEN i.charged THEN i.reason ELSE w.reason END
FROM incoming AS i
WHERE w.generation_id = i.generation_id
  AND w.requested_at BETWEEN $low AND $high;

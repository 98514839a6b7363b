-- Updates the work items that this run leaves pending or dead. If a request was cut short, by a throttling server or by
-- the end of the run, it is not charged to the ID: it counts as a request, and the next run may repeat it at once.
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

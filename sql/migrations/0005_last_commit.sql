-- One row that every transaction of a run changes: after a COMMIT that reported an error, it tells whether that was stored.
-- It also counts the IDs taken in, apart from the tables that hold them, so that a lost or doubled one shows.

CREATE TABLE ops.last_commit (
    number BIGINT,
    known_ids BIGINT
);

COMMENT ON TABLE ops.last_commit IS 'One row: the last transaction of a run.';
COMMENT ON COLUMN ops.last_commit.number IS 'Transactions so far. Unit: transactions.';
COMMENT ON COLUMN ops.last_commit.known_ids IS 'IDs taken in and not forgotten: settled, pending and dead. Unit: IDs.';

INSERT INTO ops.last_commit (number, known_ids)
SELECT 0, (SELECT count(*) FROM main.generations) + (SELECT count(*) FROM ops.work);

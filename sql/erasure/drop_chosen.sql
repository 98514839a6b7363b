-- Drops the chosen IDs, so that no trace of them remains.
DROP TABLE chosen;

-- Stores rates.
INSERT INTO ops.rates BY NAME
SELECT * FROM incoming;

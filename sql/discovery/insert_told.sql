-- Stores what was told of generations.
INSERT INTO main.discovered_generations BY NAME
SELECT i.*
FROM incoming AS i;

-- Nothing is left of what was chosen.
DROP TABLE chosen;

-- Note that a migration (or, under number 0, a set of views) is in force.
INSERT INTO ops.migrations (number, name, applied_at)
VALUES ($number, $name, $now);

-- Records an applied migration, or, as number 0, the digest of the views.
INSERT INTO ops.migrations (number, name, applied_at)
VALUES ($number, $name, $now);

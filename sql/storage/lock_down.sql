-- Settings of a read-only session: times in UTC, no Python variables as tables, and no way to change settings.
SET TimeZone = 'UTC';
SET python_enable_replacements = false;
SET lock_configuration = true;

-- A session for reading: times print in UTC, Python's variables are no tables, and no statement can change that.
SET TimeZone = 'UTC';
SET python_enable_replacements = false;
SET lock_configuration = true;

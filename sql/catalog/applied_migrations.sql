-- The applied migrations, by number and name; number 0 is the digest of the views.
SELECT
    number,
    name
FROM ops.migrations;

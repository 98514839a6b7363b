-- What this warehouse has: numbers and names of applied migrations, and the views' digest under number 0.
SELECT
    number,
    name
FROM ops.migrations;

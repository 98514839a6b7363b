-- Allows COPY to write below one directory, and nothing else outside the database. SET takes no parameters, so the path
-- is substituted, quoted.
SET allowed_directories = ['$path'];
SET enable_external_access = false;

-- Lets COPY write below one directory and reach nothing else. A path cannot be bound here: it is quoted.
SET allowed_directories = ['$path'];
SET enable_external_access = false;

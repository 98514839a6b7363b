-- Expression: the value of {name}, such as field:customer.id, in the fields of the log line: the field of that name, else id
-- inside customer. NULL if it is no field.
                CASE WHEN starts_with({name}, 'field:') THEN coalesce(
                    json_extract_string(log_fields, '/' || replace(replace(substr({name}, 7), '~', '~0'), '/', '~1')),
                    json_extract_string(
                        log_fields, '/' || replace(replace(replace(substr({name}, 7), '~', '~0'), '/', '~1'), '.', '/')
                    )
                ) END

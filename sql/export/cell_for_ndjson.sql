-- A time as ISO 8601 text in UTC.
strftime($column, '%Y-%m-%dT%H:%M:%S.%fZ')

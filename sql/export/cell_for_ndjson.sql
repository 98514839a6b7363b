-- A time in UTC as text that says so.
strftime($column, '%Y-%m-%dT%H:%M:%S.%fZ')

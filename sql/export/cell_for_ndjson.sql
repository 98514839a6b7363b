-- A time column, UTC, as ISO 8601 text that ends in Z.
strftime($column, '%Y-%m-%dT%H:%M:%S.%fZ')

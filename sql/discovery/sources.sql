-- The sources of discovery: what OpenRouter told, by Analytics or in a CSV.
SELECT DISTINCT source FROM ops.discoveries;

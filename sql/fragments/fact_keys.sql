-- Branches of CASE $by: the dimensions that are columns of main.generation_facts.
            WHEN 'model' THEN model
            WHEN 'author' THEN model_author
            WHEN 'provider' THEN provider_name
            WHEN 'app' THEN CAST(app_id AS VARCHAR)
            WHEN 'user' THEN external_user
            WHEN 'session' THEN session_id
            WHEN 'workspace' THEN workspace_id

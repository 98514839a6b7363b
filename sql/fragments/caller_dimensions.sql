-- Branches of CASE: the dimensions that tell who made the request.
            WHEN 'app' THEN CAST(app_id AS VARCHAR)
            WHEN 'user' THEN external_user
            WHEN 'session' THEN session_id
            WHEN 'workspace' THEN workspace_id
            WHEN 'key' THEN api_key_name
            WHEN 'team' THEN team

-- The names behind IDs: API keys, workspaces and people; and the key of each generation.

CREATE TABLE ops.api_keys (
    account VARCHAR,
    api_key_hash VARCHAR,
    name VARCHAR,
    label VARCHAR,
    workspace_id VARCHAR,
    creator_user_id VARCHAR,
    external_user VARCHAR,
    created_at TIMESTAMP,
    expires_at TIMESTAMP,
    last_used_at TIMESTAMP,
    disabled BOOLEAN,
    usage DECIMAL(28,12),
    byok_usage DECIMAL(28,12),
    is_listed BOOLEAN,
    extra VARCHAR,
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.api_keys IS 'One row per account and API key that GET /keys ever told, of all workspaces, as of the last time. A key itself is never told. Filled by orusage reconcile.';
COMMENT ON COLUMN ops.api_keys.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.api_keys.api_key_hash IS 'Hash by which the API names the key.';
COMMENT ON COLUMN ops.api_keys.name IS 'Name of the key; several keys may have the same.';
COMMENT ON COLUMN ops.api_keys.label IS 'The masked key, as OpenRouter shows it.';
COMMENT ON COLUMN ops.api_keys.workspace_id IS 'Workspace that it belongs to.';
COMMENT ON COLUMN ops.api_keys.creator_user_id IS 'Who made it, see ops.people.';
COMMENT ON COLUMN ops.api_keys.external_user IS 'The end user that it was made for.';
COMMENT ON COLUMN ops.api_keys.created_at IS 'When it was made. Unit: UTC.';
COMMENT ON COLUMN ops.api_keys.expires_at IS 'From when on it is refused; NULL also if it does not expire. Unit: UTC.';
COMMENT ON COLUMN ops.api_keys.last_used_at IS 'When it was last used; NULL also if it never was. Unit: UTC.';
COMMENT ON COLUMN ops.api_keys.disabled IS 'Whether it is refused.';
COMMENT ON COLUMN ops.api_keys.usage IS 'Charged to credits in its lifetime, BYOK fees included. Unit: USD.';
COMMENT ON COLUMN ops.api_keys.byok_usage IS 'Charged by providers to your own keys in its lifetime, estimated. Unit: USD.';
COMMENT ON COLUMN ops.api_keys.is_listed IS 'FALSE if the last whole list had it no more: it was deleted.';
COMMENT ON COLUMN ops.api_keys.extra IS 'JSON object of every field that no other column holds exactly, as it came; NULL if there is none.';
COMMENT ON COLUMN ops.api_keys.fetched_at IS 'When OpenRouter last told it. Unit: UTC.';

CREATE TABLE ops.workspaces (
    account VARCHAR,
    workspace_id VARCHAR,
    name VARCHAR,
    slug VARCHAR,
    has_all_keys BOOLEAN,
    is_listed BOOLEAN,
    extra VARCHAR,
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.workspaces IS 'One row per account and workspace that GET /workspaces ever told, as of the last time. Filled by orusage reconcile.';
COMMENT ON COLUMN ops.workspaces.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.workspaces.workspace_id IS 'Workspace; NULL for the only one of an account that has no list of workspaces.';
COMMENT ON COLUMN ops.workspaces.name IS 'Name of the workspace.';
COMMENT ON COLUMN ops.workspaces.slug IS 'Its name in URLs.';
COMMENT ON COLUMN ops.workspaces.has_all_keys IS 'Whether ops.api_keys had all of its keys the last time.';
COMMENT ON COLUMN ops.workspaces.is_listed IS 'FALSE if the last whole list had it no more.';
COMMENT ON COLUMN ops.workspaces.extra IS 'JSON object of every field that no other column holds exactly, as it came; NULL if there is none.';
COMMENT ON COLUMN ops.workspaces.fetched_at IS 'When OpenRouter last told it. Unit: UTC.';

CREATE TABLE ops.people (
    account VARCHAR,
    user_id VARCHAR,
    name VARCHAR,
    email VARCHAR,
    role VARCHAR,
    is_listed BOOLEAN,
    extra VARCHAR,
    fetched_at TIMESTAMP
);

COMMENT ON TABLE ops.people IS 'One row per account and member of the organisation that GET /organization/members ever told, as of the last time. Filled by orusage reconcile.';
COMMENT ON COLUMN ops.people.account IS 'Configured account whose key was used; NULL if none is configured.';
COMMENT ON COLUMN ops.people.user_id IS 'ID, which API keys name as their creator.';
COMMENT ON COLUMN ops.people.name IS 'First and last name.';
COMMENT ON COLUMN ops.people.email IS 'Email address.';
COMMENT ON COLUMN ops.people.role IS 'Role in the organisation.';
COMMENT ON COLUMN ops.people.is_listed IS 'FALSE if the last whole list had them no more.';
COMMENT ON COLUMN ops.people.extra IS 'JSON object of every field that no other column holds exactly, as it came; NULL if there is none.';
COMMENT ON COLUMN ops.people.fetched_at IS 'When OpenRouter last told it. Unit: UTC.';

ALTER TABLE main.generations ADD COLUMN api_key_hash VARCHAR;

COMMENT ON COLUMN main.generations.api_key_hash IS 'Hash of the API key that was used, see ops.api_keys, as of the last publish; NULL where it is not certain, such as for one of several keys of one name.';

ALTER TABLE main.generations ADD COLUMN api_key_label VARCHAR;

COMMENT ON COLUMN main.generations.api_key_label IS 'Name of the API key that was used, as of the last publish; NULL where discovery did not tell it. Several keys may have one name.';

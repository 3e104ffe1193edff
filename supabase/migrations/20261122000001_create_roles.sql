-- Purpose: the schema and the roles that later migrations grant to.
-- mcpist_origin and mcpist_broker cannot log in until an operator gives them a password (docs/runbooks/database.md).
-- The Supabase roles exist on Supabase; elsewhere (PGlite, plain PostgreSQL) they are created so that the same file runs.
-- Way back: drop schema mcpist cascade; drop role mcpist_origin; drop role mcpist_broker.
do $$
declare
  name text;
begin
  foreach name in array array['mcpist_origin', 'mcpist_broker', 'anon', 'authenticated', 'service_role', 'supabase_auth_admin'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = name) then
      execute format('create role %I nologin noinherit', name);
    end if;
  end loop;
end $$;

-- A statement that takes longer than the origins wait is of no use to anybody.
alter role mcpist_origin set statement_timeout = '5s';

create schema mcpist;
revoke all on schema mcpist from public;
grant usage on schema mcpist to mcpist_origin, mcpist_broker;

-- Supabase grants everything in new schemas to its API roles by default privileges; this schema is not part of that API.
alter default privileges in schema mcpist revoke all on tables from public, anon, authenticated;
alter default privileges in schema mcpist revoke all on sequences from public, anon, authenticated;
-- PostgreSQL lets everybody execute a new function; that built-in default can only be taken back for all schemas at once.
alter default privileges revoke execute on functions from public;

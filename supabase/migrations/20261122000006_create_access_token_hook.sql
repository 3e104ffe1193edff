-- Purpose: Supabase Auth stamps aud "authenticated" on every token and ignores the resource parameter; this hook binds tokens of
-- OAuth clients to this service's resource URL. It must also be enabled: Authentication > Hooks > Custom access token.
-- Set the URL first: insert into mcpist.settings (key, value) values ('resource_url', 'https://<host>/mcp');
-- Way back: disable the hook in the Auth settings, then drop the function and the policy.
create function mcpist.access_token_hook(event jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  resource text;
begin
  -- A web sign-in keeps its audience, and the gateway refuses it.
  if coalesce(event->'claims'->>'client_id', '') = '' then
    return event;
  end if;
  select value into resource from mcpist.settings where key = 'resource_url';
  -- No token rather than a token with the wrong audience.
  if resource is null then
    return jsonb_build_object('error', jsonb_build_object('http_code', 500, 'message', 'resource_url is not set'));
  end if;
  return jsonb_set(event, '{claims,aud}', to_jsonb(resource));
end $$;
revoke execute on function mcpist.access_token_hook(jsonb) from public, anon, authenticated, service_role;
grant usage on schema mcpist to supabase_auth_admin;
grant select on mcpist.settings to supabase_auth_admin;
grant execute on function mcpist.access_token_hook(jsonb) to supabase_auth_admin;
create policy auth_hook_reads on mcpist.settings for select to supabase_auth_admin using (key = 'resource_url');

-- Whoever signs up gets a row on the free plan and no grants. security definer: Auth's role cannot write this schema.
create function mcpist.on_sign_up() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into mcpist.users (user_id) values (new.id) on conflict do nothing;
  return null;
end $$;
revoke execute on function mcpist.on_sign_up() from public, anon, authenticated, service_role;
do $$
begin
  if to_regclass('auth.users') is not null then
    create trigger mcpist_sign_up after insert on auth.users for each row execute function mcpist.on_sign_up();
  end if;
end $$;

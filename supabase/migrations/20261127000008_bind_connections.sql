-- Purpose: a connection and its Vault secret begin and end together, and origins hear of both: connecting again makes a new secret and
-- deletes the old one; deleting a connection, its user, or the user's account at Supabase Auth deletes the secret. Each of these, and a
-- connection that breaks, raises users.permissions_version; a routine refresh does not. And a refresh holds no transaction any more while
-- it waits for a provider: it holds a lease, so that a slow provider keeps neither a connection nor a row.
-- They rest on Supabase Vault (vault.create_secret, vault.update_secret, and that the owner may delete from vault.secrets).
-- Way back: drop the triggers and the functions that are new here, then the two columns; run 20261122000007 again.

alter table mcpist.connections
  -- Whoever refreshes this connection, and until when nobody else may.
  add column lease uuid,
  add column lease_until timestamptz,
  add check ((lease is null) = (lease_until is null));

-- Everything that the broker runs takes milliseconds, unless somebody else holds a row.
alter role mcpist_broker set statement_timeout = '3s';
alter role mcpist_broker set lock_timeout = '1s';

create function mcpist.raise_version_by_connection() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and (new.status, new.vault_secret_id) = (old.status, old.vault_secret_id) then
    return null;
  end if;
  update mcpist.users set permissions_version = permissions_version + 1 where user_id = coalesce(new.user_id, old.user_id);
  return null;
end $$;
create trigger raise_version after insert or delete or update of status, vault_secret_id on mcpist.connections
  for each row execute function mcpist.raise_version_by_connection();

-- security definer: whoever may delete a user or a connection need not be able to touch the Vault.
create function mcpist.delete_secret() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.vault_secret_id is distinct from old.vault_secret_id then
    delete from vault.secrets s where s.id = old.vault_secret_id;
  end if;
  return null;
end $$;
create trigger delete_secret after delete or update of vault_secret_id on mcpist.connections
  for each row execute function mcpist.delete_secret();

-- The tokens in a secret or in a provider's reply, and nothing else of it. null where there is none, or no text. What it holds is never
-- repeated in an error.
create function mcpist.tokens_in(secret text) returns jsonb language plpgsql immutable set search_path = '' as $$
declare
  access jsonb;
  refresh jsonb;
begin
  access := secret::jsonb -> 'access_token';
  refresh := secret::jsonb -> 'refresh_token';
  if coalesce(jsonb_typeof(access), 'null') not in ('string', 'null') or coalesce(jsonb_typeof(refresh), 'null') not in ('string', 'null') then
    return null;
  end if;
  if coalesce(access #>> '{}', refresh #>> '{}') is null then
    return null;
  end if;
  return jsonb_build_object('access_token', access, 'refresh_token', refresh);
exception when others then
  return null;
end $$;

-- Connects an account after an OAuth code exchange, in the place of the one before. secret: JSON with "access_token", "refresh_token"
-- or both.
create or replace function mcpist.connect_account(user_id uuid, module_id text, secret text, scopes text[], expires_in integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  tokens jsonb := mcpist.tokens_in(secret);
begin
  if tokens is null then
    raise exception 'the secret must be a JSON object with an access_token or a refresh_token' using errcode = 'invalid_parameter_value';
  end if;
  delete from mcpist.connections c where c.user_id = connect_account.user_id and c.module_id = connect_account.module_id;
  insert into mcpist.connections (user_id, module_id, vault_secret_id, scopes, access_expires_at)
  values (connect_account.user_id, connect_account.module_id,
    vault.create_secret(tokens::text, 'mcpist/' || connect_account.user_id || '/' || connect_account.module_id),
    connect_account.scopes, now() + make_interval(secs => connect_account.expires_in));
end $$;

-- RFC 6749 separates scopes by spaces, GitHub by commas.
create function mcpist.scopes_in(scope text) returns text[] language sql immutable set search_path = '' as $$
  select array_remove(regexp_split_to_array(coalesce(scope, ''), '[\s,]+'), '')
$$;

-- The same from the reply of a provider's token endpoint as it came: {"access_token", "refresh_token", "expires_in", "scope", …}.
create function mcpist.connect_reply(user_id uuid, module_id text, reply text) returns void
language plpgsql set search_path = '' as $$
declare
  scopes text[];
  expires_in integer;
begin
  begin
    scopes := mcpist.scopes_in(reply::jsonb ->> 'scope');
    expires_in := reply::jsonb ->> 'expires_in';
  exception when others then
    raise exception 'the reply is not one of a token endpoint' using errcode = 'invalid_parameter_value';
  end;
  perform mcpist.connect_account(connect_reply.user_id, connect_reply.module_id, reply, scopes, expires_in);
end $$;

-- Ends a connection and deletes its tokens here. The provider does not hear of it: revoke the access there (docs/runbooks/broker.md).
create function mcpist.disconnect_account(user_id uuid, module_id text) returns void
language plpgsql set search_path = '' as $$
begin
  delete from mcpist.connections c where c.user_id = disconnect_account.user_id and c.module_id = disconnect_account.module_id;
  if not found then
    raise exception 'there is no such connection' using errcode = 'no_data_found';
  end if;
end $$;

-- Whoever leaves Supabase Auth leaves here too. security definer: Auth's role cannot write this schema.
create function mcpist.on_account_deleted() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  delete from mcpist.users u where u.user_id = old.id;
  return null;
end $$;
do $$
begin
  if to_regclass('auth.users') is not null then
    create trigger mcpist_account_deleted after delete on auth.users for each row execute function mcpist.on_account_deleted();
  end if;
end $$;

drop function mcpist.broker_open(uuid, text);
drop function mcpist.broker_store(uuid, text, text, integer);
drop function mcpist.broker_break(uuid, text);

-- What the broker asks first. No row when the user is not active, has no live grant in the module, or has not connected an account.
-- rejected: SHA-256 of an access token that the provider has refused, in hex. state:
--   token    access_token is good for a minute or more
--   refresh  the caller holds the lease for 20 seconds and alone may use refresh_token; it ends with broker_store or broker_release
--   busy     somebody else holds the lease
--   broken   there is nothing to refresh with; the user must connect again
create function mcpist.broker_open(user_id uuid, module_id text, rejected text)
returns table (state text, access_token text, expires_at timestamptz, scopes text[], refresh_token text, lease uuid)
language plpgsql security definer set search_path = '' as $$
declare
  connection mcpist.connections;
  tokens jsonb;
begin
  if not exists (
    select from mcpist.users u
    join mcpist.grants g on g.user_id = u.user_id
    join mcpist.tools t on t.module_id = g.module_id and t.tool_id = g.tool_id
    where u.user_id = broker_open.user_id and u.status = 'active' and g.module_id = broker_open.module_id
      and g.revoked_at is null and t.enabled and not t.decoy
  ) then
    return;
  end if;
  select c.* into connection from mcpist.connections c
  where c.user_id = broker_open.user_id and c.module_id = broker_open.module_id and c.status = 'active'
  for update;
  if not found then
    return;
  end if;
  select mcpist.tokens_in(v.decrypted_secret) into tokens from vault.decrypted_secrets v where v.id = connection.vault_secret_id;
  access_token := tokens ->> 'access_token';
  -- Only the token that is kept can be refused: whoever still holds an older one gets the newer one.
  if access_token is not null
    and coalesce(connection.access_expires_at > now() + interval '60 seconds', true)
    and encode(sha256(convert_to(access_token, 'UTF8')), 'hex') is distinct from rejected
  then
    state := 'token';
    expires_at := connection.access_expires_at;
    scopes := connection.scopes;
    return next;
    return;
  end if;
  access_token := null;
  if tokens ->> 'refresh_token' is null then
    state := 'broken';
    update mcpist.connections c set status = 'broken', updated_at = now()
    where c.user_id = connection.user_id and c.module_id = connection.module_id;
  elsif connection.lease_until > clock_timestamp() then
    state := 'busy';
  else
    state := 'refresh';
    refresh_token := tokens ->> 'refresh_token';
    lease := gen_random_uuid();
    update mcpist.connections c set lease = broker_open.lease, lease_until = clock_timestamp() + interval '20 seconds'
    where c.user_id = connection.user_id and c.module_id = connection.module_id;
  end if;
  return next;
end $$;

-- Keeps what a refresh returned, and gives the lease back. expires_in: seconds from now, null = does not expire. scope: what the provider
-- said, null = nothing, and therefore as before. No row when the lease is somebody else's by now, or the account was connected anew.
create function mcpist.broker_store(
  user_id uuid, module_id text, lease uuid, access_token text, refresh_token text, expires_in integer, scope text
) returns table (expires_at timestamptz, scopes text[])
language plpgsql security definer set search_path = '' as $$
declare
  id uuid;
begin
  update mcpist.connections c
  set access_expires_at = now() + make_interval(secs => broker_store.expires_in), lease = null, lease_until = null, updated_at = now(),
    scopes = case when broker_store.scope is null then c.scopes else mcpist.scopes_in(broker_store.scope) end
  where c.user_id = broker_store.user_id and c.module_id = broker_store.module_id and c.lease = broker_store.lease and c.status = 'active'
  returning c.vault_secret_id, c.access_expires_at, c.scopes into id, expires_at, scopes;
  if not found then
    return;
  end if;
  perform vault.update_secret(id, jsonb_build_object('access_token', access_token, 'refresh_token', refresh_token)::text);
  return next;
end $$;

-- Gives the lease back without a token. broken: the provider refused the refresh token, and the user must connect again.
create function mcpist.broker_release(user_id uuid, module_id text, lease uuid, broken boolean) returns void
language sql security definer set search_path = '' as $$
  update mcpist.connections c
  set lease = null, lease_until = null, updated_at = now(), status = case when broker_release.broken then 'broken' else c.status end
  where c.user_id = broker_release.user_id and c.module_id = broker_release.module_id and c.lease = broker_release.lease
$$;

revoke execute on function
  mcpist.raise_version_by_connection(),
  mcpist.delete_secret(),
  mcpist.tokens_in(text),
  mcpist.scopes_in(text),
  mcpist.connect_reply(uuid, text, text),
  mcpist.disconnect_account(uuid, text),
  mcpist.on_account_deleted(),
  mcpist.broker_open(uuid, text, text),
  mcpist.broker_store(uuid, text, uuid, text, text, integer, text),
  mcpist.broker_release(uuid, text, uuid, boolean)
from public, anon, authenticated, service_role;
grant execute on function
  mcpist.broker_open(uuid, text, text),
  mcpist.broker_store(uuid, text, uuid, text, text, integer, text),
  mcpist.broker_release(uuid, text, uuid, boolean)
to mcpist_broker;

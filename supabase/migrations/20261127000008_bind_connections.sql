-- Purpose: a connection and its Vault secret begin and end together, and origins hear of both: connecting again makes a new secret and
-- deletes the old one; deleting a connection, its user, or the user's account at Supabase Auth deletes the secret. Each of these, and a
-- connection that breaks, raises users.permissions_version; a routine refresh does not.
-- They rest on Supabase Vault (vault.create_secret, and that the owner may delete from vault.secrets).
-- Way back: drop the triggers and the functions that are new here; run connect_account of 20261122000007 again.

create function mcpist.raise_version_by_connection() returns trigger language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and (new.status, new.vault_secret_id) is not distinct from (old.status, old.vault_secret_id) then
    return null;
  end if;
  update mcpist.users set permissions_version = permissions_version + 1 where user_id = coalesce(new.user_id, old.user_id);
  return null;
end $$;
create trigger raise_version after insert or update or delete on mcpist.connections
  for each row execute function mcpist.raise_version_by_connection();

-- security definer: whoever may delete a user or a connection need not be able to touch the Vault.
create function mcpist.delete_secret() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  if new.vault_secret_id is distinct from old.vault_secret_id then
    delete from vault.secrets s where s.id = old.vault_secret_id;
  end if;
  return null;
end $$;
create trigger delete_secret after update or delete on mcpist.connections
  for each row execute function mcpist.delete_secret();

-- Connects an account after an OAuth code exchange, in the place of the one before. secret: JSON with "access_token", "refresh_token"
-- or both. What it holds is never repeated in an error.
create or replace function mcpist.connect_account(user_id uuid, module_id text, secret text, scopes text[], expires_in integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  usable boolean;
begin
  begin
    usable := coalesce(jsonb_typeof(secret::jsonb -> 'access_token') = 'string', false)
      or coalesce(jsonb_typeof(secret::jsonb -> 'refresh_token') = 'string', false);
  exception when others then
    usable := false;
  end;
  if not usable then
    raise exception 'the secret must be a JSON object with an access_token or a refresh_token' using errcode = 'invalid_parameter_value';
  end if;
  delete from mcpist.connections c where c.user_id = connect_account.user_id and c.module_id = connect_account.module_id;
  insert into mcpist.connections (user_id, module_id, vault_secret_id, scopes, access_expires_at)
  values (connect_account.user_id, connect_account.module_id,
    vault.create_secret(connect_account.secret, 'mcpist/' || connect_account.user_id || '/' || connect_account.module_id),
    connect_account.scopes, now() + make_interval(secs => connect_account.expires_in));
end $$;

-- The same from the reply of a provider's token endpoint as it came: {"access_token", "refresh_token", "expires_in", "scope", …}.
create function mcpist.connect_reply(user_id uuid, module_id text, reply text) returns void
language plpgsql set search_path = '' as $$
declare
  secret text;
  scopes text[];
  expires_in integer;
begin
  begin
    secret := jsonb_build_object('access_token', reply::jsonb -> 'access_token', 'refresh_token', reply::jsonb -> 'refresh_token');
    -- RFC 6749 separates scopes by spaces, GitHub by commas.
    scopes := array_remove(regexp_split_to_array(coalesce(reply::jsonb ->> 'scope', ''), '[\s,]+'), '');
    expires_in := reply::jsonb ->> 'expires_in';
  exception when others then
    raise exception 'the reply is not one of a token endpoint' using errcode = 'invalid_parameter_value';
  end;
  perform mcpist.connect_account(connect_reply.user_id, connect_reply.module_id, secret, scopes, expires_in);
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

revoke execute on function
  mcpist.raise_version_by_connection(),
  mcpist.delete_secret(),
  mcpist.connect_reply(uuid, text, text),
  mcpist.disconnect_account(uuid, text),
  mcpist.on_account_deleted()
from public, anon, authenticated, service_role;

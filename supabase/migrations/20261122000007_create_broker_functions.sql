-- Purpose: the only way to a provider's refresh token. The broker's role can execute these functions and nothing else: it cannot
-- read connections or the Vault, and the origin's role can do none of it.
-- They rest on Supabase Vault (vault.decrypted_secrets, vault.create_secret, vault.update_secret).
-- Way back: drop the functions; delete the rows of connections together with their Vault secrets.

-- Locks the connection of one user and module until the transaction ends, so that two refreshes never use one refresh token.
-- No row when the user is not active, has no live grant in the module, or has not connected an account.
create function mcpist.broker_open(user_id uuid, module_id text)
returns table (secret text, scopes text[], access_expires_at timestamptz, expired boolean)
language plpgsql security definer set search_path = '' as $$
declare
  connection mcpist.connections;
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
  return query
    select v.decrypted_secret, connection.scopes, connection.access_expires_at,
      coalesce(connection.access_expires_at < now() + interval '60 seconds', false)
    from vault.decrypted_secrets v where v.id = connection.vault_secret_id;
end $$;

-- Keeps what a refresh returned. expires_in: seconds from now, null = does not expire.
create function mcpist.broker_store(user_id uuid, module_id text, secret text, expires_in integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  id uuid;
begin
  update mcpist.connections c
  set access_expires_at = now() + make_interval(secs => broker_store.expires_in), updated_at = now()
  where c.user_id = broker_store.user_id and c.module_id = broker_store.module_id and c.status = 'active'
  returning c.vault_secret_id into id;
  if id is null then
    raise exception 'there is no such connection' using errcode = 'no_data_found';
  end if;
  perform vault.update_secret(id, broker_store.secret);
end $$;

-- The provider refused the refresh token: the user must connect again.
create function mcpist.broker_break(user_id uuid, module_id text) returns void
language sql security definer set search_path = '' as $$
  update mcpist.connections c set status = 'broken', updated_at = now()
  where c.user_id = broker_break.user_id and c.module_id = broker_break.module_id
$$;

-- Connects an account after an OAuth code exchange. secret: JSON {"refresh_token", "access_token"}.
create function mcpist.connect_account(user_id uuid, module_id text, secret text, scopes text[], expires_in integer) returns void
language plpgsql security definer set search_path = '' as $$
declare
  id uuid;
begin
  select c.vault_secret_id into id from mcpist.connections c
  where c.user_id = connect_account.user_id and c.module_id = connect_account.module_id for update;
  if id is null then
    id := vault.create_secret(connect_account.secret, 'mcpist/' || connect_account.user_id || '/' || connect_account.module_id);
  else
    perform vault.update_secret(id, connect_account.secret);
  end if;
  insert into mcpist.connections (user_id, module_id, vault_secret_id, scopes, access_expires_at)
  values (connect_account.user_id, connect_account.module_id, id, connect_account.scopes,
    now() + make_interval(secs => connect_account.expires_in))
  on conflict on constraint connections_pkey do update
    set scopes = excluded.scopes, status = 'active', access_expires_at = excluded.access_expires_at, updated_at = now();
end $$;

revoke execute on function
  mcpist.broker_open(uuid, text),
  mcpist.broker_store(uuid, text, text, integer),
  mcpist.broker_break(uuid, text),
  mcpist.connect_account(uuid, text, text, text[], integer)
from public, anon, authenticated, service_role;
grant execute on function
  mcpist.broker_open(uuid, text),
  mcpist.broker_store(uuid, text, text, integer),
  mcpist.broker_break(uuid, text)
to mcpist_broker;

-- Purpose: a refresh that the provider has answered is kept, and each token that leaves is written down. A token can be stored again (its
-- first answer was lost), and after the lease has ended, as long as the Vault still holds the refresh token that was used up for it. Whoever
-- needs only what is kept waits for no lock. A caller's word that a token was refused changes little: it is taken once a minute, and breaks
-- no connection. Each opening leaves a row in tokens_given and a line in the server's log, which a rollback does not take back.
-- The functions with the old arguments stay, so that a broker that is not deployed anew yet goes on.
-- Way back: drop the new functions and the table; run the functions of 20261127000008 and the sweep of 20261127000010 again.

alter table mcpist.connections add column refreshed_at timestamptz;

create table mcpist.tokens_given (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  user_id uuid not null,
  module_id text not null,
  -- null: asked for by a broker of an earlier version.
  request_id uuid,
  -- access: a token that was kept. refresh: the refresh token, to the broker, which gives out the new access token.
  kind text not null check (kind in ('access', 'refresh'))
);
create index tokens_given_at on mcpist.tokens_given (at);
create index tokens_given_user on mcpist.tokens_given (user_id, at);
alter table mcpist.tokens_given enable row level security;
revoke all on mcpist.tokens_given from public, anon, authenticated, service_role;

-- The Vault's own functions, which run as their owner too, look for types in pg_temp first. They are called in no session that has any.
create function mcpist.refuse_temporary_types() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from pg_type where typnamespace = pg_my_temp_schema()) then
    raise exception 'the broker''s functions run in no session that has temporary tables or types' using errcode = 'insufficient_privilege';
  end if;
end $$;

create function mcpist.record_token(user_id uuid, module_id text, request_id uuid, kind text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into mcpist.tokens_given (user_id, module_id, request_id, kind)
  values (record_token.user_id, record_token.module_id, record_token.request_id, record_token.kind);
  raise log 'mcpist: % token of user % for module % given to request %', kind, user_id, module_id, request_id;
end $$;

-- What the broker asks first. No row when the user is not active, has no live grant in the module, or has not connected an account.
-- rejected: SHA-256 of an access token that the provider has refused, in hex. state:
--   token    access_token is good for a minute or more
--   refresh  the caller holds the lease for 20 seconds and alone may use refresh_token; it ends with broker_store or broker_release
--   busy     somebody else holds the lease
--   recent   the refused token is not a minute old: another one would not help
--   refused  the token was refused and there is nothing to refresh it with; whoever says so changes nothing
--   broken   there is nothing to refresh with; the user must connect again
create function mcpist.broker_open(user_id uuid, module_id text, rejected text, request_id uuid)
returns table (state text, access_token text, expires_at timestamptz, scopes text[], refresh_token text, lease uuid)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  connection mcpist.connections;
  tokens jsonb;
  refused boolean;
  ended boolean;
begin
  perform mcpist.refuse_temporary_types();
  if not exists (
    select from mcpist.users u
    join mcpist.grants g on g.user_id = u.user_id
    join mcpist.tools t on t.module_id = g.module_id and t.tool_id = g.tool_id
    where u.user_id = broker_open.user_id and u.status = 'active' and g.module_id = broker_open.module_id
      and g.revoked_at is null and t.enabled and not t.decoy
  ) then
    return;
  end if;
  for round in 1..2 loop
    -- A second time, and alone, when there is something to change.
    if round = 1 then
      select c.* into connection from mcpist.connections c
      where c.user_id = broker_open.user_id and c.module_id = broker_open.module_id and c.status = 'active';
    else
      select c.* into connection from mcpist.connections c
      where c.user_id = broker_open.user_id and c.module_id = broker_open.module_id and c.status = 'active'
      for update;
    end if;
    if not found then
      return;
    end if;
    select mcpist.tokens_in(v.decrypted_secret) into tokens from vault.decrypted_secrets v where v.id = connection.vault_secret_id;
    access_token := tokens ->> 'access_token';
    -- Only the token that is kept can be refused: whoever still holds an older one gets the newer one.
    refused := coalesce(encode(sha256(convert_to(access_token, 'UTF8')), 'hex') = rejected, false);
    ended := coalesce(connection.access_expires_at <= now() + interval '60 seconds', false);
    if access_token is not null and not ended and not refused then
      state := 'token';
      expires_at := connection.access_expires_at;
      scopes := connection.scopes;
      perform mcpist.record_token(broker_open.user_id, broker_open.module_id, broker_open.request_id, 'access');
      return next;
      return;
    end if;
  end loop;
  access_token := null;
  if tokens ->> 'refresh_token' is null and refused and not ended then
    state := 'refused';
  elsif tokens ->> 'refresh_token' is null then
    state := 'broken';
    update mcpist.connections c set status = 'broken', updated_at = now()
    where c.user_id = connection.user_id and c.module_id = connection.module_id;
  elsif connection.lease_until > clock_timestamp() then
    state := 'busy';
  elsif refused and not ended and connection.refreshed_at > clock_timestamp() - interval '60 seconds' then
    state := 'recent';
  else
    state := 'refresh';
    refresh_token := tokens ->> 'refresh_token';
    scopes := connection.scopes;
    lease := gen_random_uuid();
    update mcpist.connections c set lease = broker_open.lease, lease_until = clock_timestamp() + interval '20 seconds'
    where c.user_id = connection.user_id and c.module_id = connection.module_id;
    perform mcpist.record_token(broker_open.user_id, broker_open.module_id, broker_open.request_id, 'refresh');
  end if;
  return next;
end $$;

-- Keeps what a refresh returned, and gives the lease back. used: the refresh token that was sent for it. access_token: null = the one that
-- came cannot be used. expires_in: seconds from now, from two minutes to a year; null = a day. scope: what the provider said, null = nothing,
-- and therefore as before. Stored: under the lease; and without it while the Vault holds `used` and the provider has replaced that. No row
-- when somebody else's refresh is newer, or the account was connected anew. The same again is stored once.
create function mcpist.broker_store(
  user_id uuid, module_id text, lease uuid, used text, access_token text, refresh_token text, expires_in integer, scope text
) returns table (expires_at timestamptz, scopes text[])
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  connection mcpist.connections;
  tokens constant jsonb := jsonb_build_object('access_token', access_token, 'refresh_token', refresh_token);
  kept jsonb;
begin
  perform mcpist.refuse_temporary_types();
  if octet_length(access_token) > 8192 or octet_length(refresh_token) > 8192 or octet_length(scope) > 8192 then
    raise exception 'a token or scope is longer than 8192 bytes' using errcode = 'string_data_right_truncation';
  end if;
  select c.* into connection from mcpist.connections c
  where c.user_id = broker_store.user_id and c.module_id = broker_store.module_id for update;
  if not found then
    return;
  end if;
  select mcpist.tokens_in(v.decrypted_secret) into kept from vault.decrypted_secrets v where v.id = connection.vault_secret_id;
  if connection.lease is distinct from broker_store.lease and kept = tokens then
    expires_at := connection.access_expires_at;
    scopes := connection.scopes;
    return next;
    return;
  end if;
  if (connection.lease is distinct from broker_store.lease or connection.status <> 'active')
    and (kept ->> 'refresh_token' = used and refresh_token <> used) is not true
  then
    return;
  end if;
  update mcpist.connections c
  set access_expires_at = now() + make_interval(secs => least(greatest(coalesce(expires_in, 86400), 120), 31536000)),
    lease = null, lease_until = null, status = 'active', refreshed_at = clock_timestamp(), updated_at = now(),
    scopes = case when scope is null then c.scopes else mcpist.scopes_in(scope) end
  where c.user_id = broker_store.user_id and c.module_id = broker_store.module_id
  returning c.access_expires_at, c.scopes into expires_at, scopes;
  perform vault.update_secret(connection.vault_secret_id, tokens::text);
  return next;
end $$;

-- For brokers of an earlier version.
create or replace function mcpist.broker_open(user_id uuid, module_id text, rejected text)
returns table (state text, access_token text, expires_at timestamptz, scopes text[], refresh_token text, lease uuid)
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select case o.state when 'refused' then 'broken' when 'recent' then 'busy' else o.state end,
    o.access_token, o.expires_at, o.scopes, o.refresh_token, o.lease
  from mcpist.broker_open(user_id, module_id, rejected, null) o
$$;
create or replace function mcpist.broker_store(
  user_id uuid, module_id text, lease uuid, access_token text, refresh_token text, expires_in integer, scope text
) returns table (expires_at timestamptz, scopes text[])
language sql security definer set search_path = pg_catalog, pg_temp as $$
  select s.expires_at, s.scopes from mcpist.broker_store(user_id, module_id, lease, null, access_token, refresh_token, expires_in, scope) s
$$;

-- Seconds in a provider's expires_in, a number or a text of digits, at most a year. Less than none is none; null = it does not say.
create function mcpist.seconds_in(expires_in jsonb) returns integer language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  said constant text := expires_in #>> '{}';
begin
  if said is null then
    return null;
  end if;
  if said !~ '^-?[0-9]{1,18}([.][0-9]{1,9})?$' then
    raise exception 'expires_in is not a number of seconds' using errcode = 'invalid_parameter_value';
  end if;
  return least(greatest(floor(said::numeric), 0), 31536000);
end $$;

-- An account from the reply of a provider's token endpoint as it came: {"access_token", "refresh_token", "expires_in", "scope", …}. What can
-- be refreshed is never kept for ever: where no end is said, it is refreshed after a day.
create or replace function mcpist.connect_reply(user_id uuid, module_id text, reply text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  scopes text[];
  expires_in integer;
begin
  begin
    scopes := mcpist.scopes_in(reply::jsonb ->> 'scope');
    expires_in := coalesce(mcpist.seconds_in(reply::jsonb -> 'expires_in'), case when reply::jsonb ->> 'refresh_token' is not null then 86400 end);
  exception when others then
    raise exception 'the reply is not one of a token endpoint' using errcode = 'invalid_parameter_value';
  end;
  perform mcpist.connect_account(connect_reply.user_id, connect_reply.module_id, reply, scopes, expires_in);
end $$;

-- Retention: claims 10 minutes, counters 35 days, events and given tokens 90 days, monthly counts and changes 13 months. The only deletion
-- an origin can cause. Deletes at most `batch` rows of each table and returns how many rows it deleted; call it until that is 0. What is
-- dated in the future would never end: counters and claims go, records are dated anew and counted too.
create or replace function mcpist.sweep(batch integer default 2000) returns integer
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  n integer;
  total integer := 0;
  soon constant timestamptz := now() + interval '1 day';
begin
  delete from mcpist.call_claims where ctid = any (array(
    select ctid from mcpist.call_claims where expires_at < now() or expires_at > soon limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.usage_counters where ctid = any (array(
    select ctid from mcpist.usage_counters
    where window_start < now() - interval '35 days' or window_start > soon limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.usage_monthly where ctid = any (array(
    select ctid from mcpist.usage_monthly
    where month < date_trunc('month', now()) - interval '13 months' or month > soon + interval '1 month'
    limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  update mcpist.security_events set at = now() where ctid = any (array(
    select ctid from mcpist.security_events where at > soon limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.security_events where ctid = any (array(
    select ctid from mcpist.security_events where at < now() - interval '90 days' limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.tokens_given where ctid = any (array(
    select ctid from mcpist.tokens_given where at < now() - interval '90 days' limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.changes where ctid = any (array(
    select ctid from mcpist.changes where at < now() - interval '13 months' limit batch for update skip locked));
  get diagnostics n = row_count;
  return total + n;
end $$;

revoke execute on function
  mcpist.refuse_temporary_types(),
  mcpist.record_token(uuid, text, uuid, text),
  mcpist.broker_open(uuid, text, text, uuid),
  mcpist.broker_store(uuid, text, uuid, text, text, text, integer, text),
  mcpist.seconds_in(jsonb)
from public, anon, authenticated, service_role;
grant execute on function
  mcpist.broker_open(uuid, text, text, uuid),
  mcpist.broker_store(uuid, text, uuid, text, text, text, integer, text)
to mcpist_broker;

-- Purpose: a role writes what its program writes, and no more: columns are granted one by one (no id, so that nobody can take one that is
-- still to come), the layer of an event is that of the role, times are now or were today, and texts have a length. Rows that were written
-- otherwise before are numbered and dated anew. Nobody's sign-up fails because of this schema any more, and the plan that it needs stays. What is
-- announced to whoever listens no longer tells a user's id.
-- Way back: grant insert and update on the tables as 20261122000003 does, with its policies; drop the constraints and the trigger
-- keep_free; create on_sign_up() as 20261122000006 and announce_user() as 20261122000004 does.

-- Security events.
revoke insert on mcpist.security_events from mcpist_origin, mcpist_broker;
grant insert (
  at, layer, event, verdict, severity, score, user_id, client_id, module, tool, name_hash, request_id, origin, http_status, count, reason, kid
) on mcpist.security_events to mcpist_origin;
grant insert (layer, event, severity, user_id, module, request_id, http_status, count, reason) on mcpist.security_events to mcpist_broker;
drop policy origin_logs on mcpist.security_events;
-- An origin dates its events itself: they may have waited for the database.
create policy origin_logs on mcpist.security_events for insert to mcpist_origin
  with check (layer = 'origin' and at <= now() and at > now() - interval '1 day');

do $$
declare
  last bigint;
begin
  select last_value into last from mcpist.security_events_id_seq;
  create temporary table forged on commit drop as select * from mcpist.security_events where id > last;
  delete from mcpist.security_events where id > last;
  insert into mcpist.security_events (
    at, layer, event, verdict, severity, score, user_id, client_id, module, tool, name_hash, request_id, origin, http_status, ip_hash, count,
    reason, kid
  )
  select at, layer, event, verdict, severity, score, user_id, client_id, module, tool, name_hash, request_id, origin, http_status, ip_hash, count,
    reason, kid
  from forged;
  drop table forged;
  update mcpist.security_events set at = now() where at > now();
end $$;

-- Claims: the rest of a row has defaults. What is finished or taken over is swept as soon as anything else.
revoke insert on mcpist.call_claims from mcpist_origin;
grant insert (request_id, user_id, origin, module_id, tool_id) on mcpist.call_claims to mcpist_origin;
drop policy origin_finishes on mcpist.call_claims;
create policy origin_finishes on mcpist.call_claims for update to mcpist_origin using (state = 'claimed')
  with check (expires_at <= now() + interval '10 minutes' and claimed_at <= now());

-- Counters: of this window and this month, and only what is counted can be changed.
revoke insert, update on mcpist.usage_counters, mcpist.usage_monthly from mcpist_origin;
grant insert (user_id, origin, window_start, calls, refused, limited), update (calls, refused, limited) on mcpist.usage_counters to mcpist_origin;
grant insert (user_id, month, calls), update (calls) on mcpist.usage_monthly to mcpist_origin;
drop policy origin_counts on mcpist.usage_counters;
drop policy origin_counts on mcpist.usage_monthly;
create policy origin_reads on mcpist.usage_counters for select to mcpist_origin using (true);
create policy origin_reads on mcpist.usage_monthly for select to mcpist_origin using (true);
create policy origin_counts on mcpist.usage_counters for insert to mcpist_origin
  with check (window_start <= now() and window_start > now() - interval '1 day');
create policy origin_counts_on on mcpist.usage_counters for update to mcpist_origin
  using (window_start <= now() and window_start > now() - interval '1 day');
-- A session's time zone may already, or still, be in another month.
create policy origin_counts on mcpist.usage_monthly for insert to mcpist_origin
  with check (month <= now() + interval '1 day' and month > now() - interval '33 days');
create policy origin_counts_on on mcpist.usage_monthly for update to mcpist_origin
  using (month <= now() + interval '1 day' and month > now() - interval '33 days');

-- Not checked for rows that are there: that would hold the tables for as long as it takes.
alter table mcpist.security_events
  add constraint security_events_length check (length(event) <= 100 and length(verdict) <= 100 and length(origin) <= 200) not valid;
alter table mcpist.call_claims
  add constraint call_claims_length check (length(origin) <= 200 and length(module_id) <= 64 and length(tool_id) <= 64) not valid;
alter table mcpist.usage_counters add constraint usage_counters_length check (length(origin) <= 200) not valid;

-- Whoever signs up gets the plan `free`.
insert into mcpist.plans (id, per_minute) values ('free', 30) on conflict do nothing;
create function mcpist.keep_free() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.id = 'free' and (tg_op = 'DELETE' or new.id <> 'free') then
    raise exception 'the plan "free" is what everybody has who signs up: change its limits, but keep it' using errcode = 'check_violation';
  end if;
  return case tg_op when 'DELETE' then old else new end;
end $$;
create trigger keep_free before delete or update of id on mcpist.plans for each row execute function mcpist.keep_free();

-- Supabase Auth is the whole project's: whatever fails here must not fail there. Whoever has no row may use nothing; db migrate admits them.
create or replace function mcpist.on_sign_up() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into mcpist.users (user_id) values (new.id) on conflict do nothing;
  return null;
exception when others then
  raise warning 'mcpist: account % was not admitted (%): run mcpist db migrate', new.id, sqlstate;
  return null;
end $$;

-- Any login may listen on a channel: what is announced names a user by a digest only. Origins of an earlier version do not know the name
-- and notice the change within 15 seconds.
create or replace function mcpist.announce_user() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_notify(
    'mcpist_permissions', encode(substr(sha256(convert_to(coalesce(new.user_id, old.user_id)::text, 'UTF8')), 1, 8), 'hex'));
  return null;
end $$;

revoke execute on function mcpist.announce_user(), mcpist.keep_free(), mcpist.on_sign_up() from public, anon, authenticated, service_role;

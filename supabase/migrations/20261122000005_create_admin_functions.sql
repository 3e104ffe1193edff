-- Purpose: what an operator does to users, tools and plans, as functions that check their arguments (docs/runbooks/database.md).
-- Only the owner of the schema may run them, except sweep(), which origins run.
-- Way back: drop the functions.

-- Grants one tool. Granting again after a revocation starts anew. Fails for unknown users, unknown tools and decoys.
create function mcpist.grant_tool(user_id uuid, module_id text, tool_id text, granted_by text) returns void
language plpgsql set search_path = '' as $$
begin
  insert into mcpist.grants as g (user_id, module_id, tool_id, granted_by)
  values (grant_tool.user_id, grant_tool.module_id, grant_tool.tool_id, grant_tool.granted_by)
  on conflict on constraint grants_pkey do update
    set granted_at = now(), granted_by = excluded.granted_by, revoked_at = null, revoked_by = null
    where g.revoked_at is not null;
end $$;

-- Grants every tool of a module that is enabled now. Returns how many; fails when there is none.
create function mcpist.grant_module(user_id uuid, module_id text, granted_by text) returns integer
language plpgsql set search_path = '' as $$
declare
  granted integer;
begin
  select count(mcpist.grant_tool(grant_module.user_id, t.module_id, t.tool_id, grant_module.granted_by)) into granted
  from mcpist.tools t where t.module_id = grant_module.module_id and t.enabled and not t.decoy;
  if granted = 0 then
    raise exception 'module % has no tool that could be granted', grant_module.module_id using errcode = 'no_data_found';
  end if;
  return granted;
end $$;

-- Revokes one tool; the row stays, because a call soon after a revocation is a habit and not an attack.
create function mcpist.revoke_tool(user_id uuid, module_id text, tool_id text, revoked_by text) returns void
language plpgsql set search_path = '' as $$
begin
  update mcpist.grants g set revoked_at = now(), revoked_by = revoke_tool.revoked_by
  where g.user_id = revoke_tool.user_id and g.module_id = revoke_tool.module_id and g.tool_id = revoke_tool.tool_id
    and g.revoked_at is null;
  if not found then
    raise exception 'there is no such grant' using errcode = 'no_data_found';
  end if;
end $$;

create function mcpist.set_plan(user_id uuid, plan_id text) returns void language plpgsql set search_path = '' as $$
begin
  update mcpist.users u set plan_id = set_plan.plan_id where u.user_id = set_plan.user_id;
  if not found then
    raise exception 'there is no such user' using errcode = 'no_data_found';
  end if;
end $$;

-- status: active or suspended. A suspended user is refused at every origin within 15 seconds.
create function mcpist.set_status(user_id uuid, status text) returns void language plpgsql set search_path = '' as $$
begin
  update mcpist.users u set status = set_status.status where u.user_id = set_status.user_id;
  if not found then
    raise exception 'there is no such user' using errcode = 'no_data_found';
  end if;
end $$;

-- Switches a tool off (or on) for everybody at once.
create function mcpist.set_tool_enabled(module_id text, tool_id text, enabled boolean) returns void
language plpgsql set search_path = '' as $$
begin
  update mcpist.tools t set enabled = set_tool_enabled.enabled, updated_at = now()
  where t.module_id = set_tool_enabled.module_id and t.tool_id = set_tool_enabled.tool_id and not t.decoy;
  if not found then
    raise exception 'there is no such tool' using errcode = 'no_data_found';
  end if;
end $$;

-- Adds a name that must never be called. Choose one that looks real beside a real module, and keep it out of every repository.
create function mcpist.add_decoy(module_id text, tool_id text) returns void language sql set search_path = '' as $$
  insert into mcpist.tools (module_id, tool_id, decoy) values (add_decoy.module_id, add_decoy.tool_id, true)
$$;

-- Retention: claims 10 minutes, counters 35 days, events 90 days, monthly counts 13 months. The only deletion an origin can cause.
create function mcpist.sweep() returns void language sql security definer set search_path = '' as $$
  delete from mcpist.call_claims where expires_at < now();
  delete from mcpist.usage_counters where window_start < now() - interval '35 days';
  delete from mcpist.usage_monthly where month < date_trunc('month', now()) - interval '13 months';
  delete from mcpist.security_events where at < now() - interval '90 days';
$$;

do $$
declare
  name regprocedure;
begin
  for name in select oid::regprocedure from pg_catalog.pg_proc where pronamespace = 'mcpist'::regnamespace loop
    execute format('revoke execute on function %s from public, anon, authenticated, service_role', name);
  end loop;
end $$;
grant execute on function mcpist.sweep() to mcpist_origin;

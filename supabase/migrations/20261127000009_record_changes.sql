-- Purpose: who changed what anybody may do. Every insert, update and delete of users, plans, grants, tools and settings leaves a row
-- in mcpist.changes, whoever makes it and however: by a function of this schema, in the SQL editor, or by a migration. The operators'
-- functions take the person's name; where none is given, the database role stands for it.
-- Security events keep their reason, and the kid of a refused gateway secret.
-- Way back: drop the triggers, record_change() and the table; create the functions anew as 20261122000005 does; drop the two columns.
create table mcpist.changes (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  changed_by text not null,
  db_role text not null,
  subject text not null check (subject in ('users', 'plans', 'grants', 'tools', 'settings')),
  -- The row before and after, without what every change touches; null = there was none, there is none.
  before jsonb,
  after jsonb,
  check (before is not null or after is not null)
);
create index changes_at on mcpist.changes (at);
alter table mcpist.changes enable row level security;
revoke all on mcpist.changes from public, anon, authenticated, service_role;

create function mcpist.record_change() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  passing constant text[] := array['created_at', 'updated_at', 'permissions_version'];
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) - passing end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) - passing end;
  -- A grant names who made it and who ended it; on any other change of its row those names say nothing.
  named constant text := case
    when after->'revoked_at' is distinct from before->'revoked_at' and after->>'revoked_at' is not null then after->>'revoked_by'
    when after->'granted_at' is distinct from before->'granted_at' then after->>'granted_by'
  end;
begin
  if before is distinct from after then
    insert into mcpist.changes (changed_by, db_role, subject, before, after) values (
      coalesce(nullif(current_setting('mcpist.changed_by', true), ''), named, session_user), session_user, tg_table_name, before, after);
  end if;
  return null;
end $$;
create trigger record_change after insert or update or delete on mcpist.users for each row execute function mcpist.record_change();
create trigger record_change after insert or update or delete on mcpist.plans for each row execute function mcpist.record_change();
create trigger record_change after insert or update or delete on mcpist.grants for each row execute function mcpist.record_change();
create trigger record_change after insert or update or delete on mcpist.tools for each row execute function mcpist.record_change();
create trigger record_change after insert or update or delete on mcpist.settings for each row execute function mcpist.record_change();

drop function mcpist.set_plan(uuid, text);
create function mcpist.set_plan(user_id uuid, plan_id text, changed_by text default null) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('mcpist.changed_by', coalesce(set_plan.changed_by, ''), true);
  update mcpist.users u set plan_id = set_plan.plan_id where u.user_id = set_plan.user_id;
  if not found then
    raise exception 'there is no such user' using errcode = 'no_data_found';
  end if;
  perform set_config('mcpist.changed_by', '', true);
end $$;

-- status: active or suspended. A suspended user is refused at every origin within 15 seconds.
drop function mcpist.set_status(uuid, text);
create function mcpist.set_status(user_id uuid, status text, changed_by text default null) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('mcpist.changed_by', coalesce(set_status.changed_by, ''), true);
  update mcpist.users u set status = set_status.status where u.user_id = set_status.user_id;
  if not found then
    raise exception 'there is no such user' using errcode = 'no_data_found';
  end if;
  perform set_config('mcpist.changed_by', '', true);
end $$;

-- Switches a tool off (or on) for everybody at once.
drop function mcpist.set_tool_enabled(text, text, boolean);
create function mcpist.set_tool_enabled(module_id text, tool_id text, enabled boolean, changed_by text default null) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('mcpist.changed_by', coalesce(set_tool_enabled.changed_by, ''), true);
  update mcpist.tools t set enabled = set_tool_enabled.enabled, updated_at = now()
  where t.module_id = set_tool_enabled.module_id and t.tool_id = set_tool_enabled.tool_id and not t.decoy;
  if not found then
    raise exception 'there is no such tool' using errcode = 'no_data_found';
  end if;
  perform set_config('mcpist.changed_by', '', true);
end $$;

-- Adds a name that must never be called. Choose one that looks real beside a real module, and keep it out of every repository.
drop function mcpist.add_decoy(text, text);
create function mcpist.add_decoy(module_id text, tool_id text, changed_by text default null) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('mcpist.changed_by', coalesce(add_decoy.changed_by, ''), true);
  insert into mcpist.tools (module_id, tool_id, decoy) values (add_decoy.module_id, add_decoy.tool_id, true);
  perform set_config('mcpist.changed_by', '', true);
end $$;

revoke execute on function
  mcpist.record_change(),
  mcpist.set_plan(uuid, text, text),
  mcpist.set_status(uuid, text, text),
  mcpist.set_tool_enabled(text, text, boolean, text),
  mcpist.add_decoy(text, text, text)
from public, anon, authenticated, service_role;

alter table mcpist.security_events
  add column reason text check (length(reason) <= 200),
  add column kid text check (kid ~ '^[0-9a-f]{16}$');

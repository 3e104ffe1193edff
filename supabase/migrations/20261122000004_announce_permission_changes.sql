-- Purpose: every change that an origin may have cached raises users.permissions_version and is announced on the channel
-- mcpist_permissions (payload: the user id). Origins that cannot LISTEN compare versions every 15 seconds instead.
-- Way back: drop the triggers, then the functions.

create function mcpist.touch_user() returns trigger language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  if (new.plan_id, new.status) is distinct from (old.plan_id, old.status) and new.permissions_version = old.permissions_version then
    new.permissions_version := old.permissions_version + 1;
  end if;
  return new;
end $$;
create trigger touch before update on mcpist.users for each row execute function mcpist.touch_user();

create function mcpist.announce_user() returns trigger language plpgsql set search_path = '' as $$
begin
  perform pg_catalog.pg_notify('mcpist_permissions', coalesce(new.user_id, old.user_id)::text);
  return null;
end $$;
create trigger announce after update or delete on mcpist.users for each row execute function mcpist.announce_user();

create function mcpist.refuse_decoy_grant() returns trigger language plpgsql set search_path = '' as $$
begin
  if exists (select from mcpist.tools t where t.module_id = new.module_id and t.tool_id = new.tool_id and t.decoy) then
    raise exception 'a decoy cannot be granted' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger refuse_decoy before insert or update on mcpist.grants for each row execute function mcpist.refuse_decoy_grant();

create function mcpist.raise_version_by_grant() returns trigger language plpgsql set search_path = '' as $$
begin
  update mcpist.users set permissions_version = permissions_version + 1 where user_id = coalesce(new.user_id, old.user_id);
  return null;
end $$;
create trigger raise_version after insert or update or delete on mcpist.grants
  for each row execute function mcpist.raise_version_by_grant();

create function mcpist.raise_version_by_tool() returns trigger language plpgsql set search_path = '' as $$
begin
  update mcpist.users u set permissions_version = permissions_version + 1
  where exists (
    select from mcpist.grants g
    where g.user_id = u.user_id and g.module_id = new.module_id and g.tool_id = new.tool_id and g.revoked_at is null
  );
  return null;
end $$;
create trigger raise_version after update of enabled, decoy on mcpist.tools
  for each row execute function mcpist.raise_version_by_tool();

create function mcpist.raise_version_by_plan() returns trigger language plpgsql set search_path = '' as $$
begin
  update mcpist.users set permissions_version = permissions_version + 1 where plan_id = new.id;
  return null;
end $$;
create trigger raise_version after update on mcpist.plans for each row execute function mcpist.raise_version_by_plan();

-- Purpose: tools of servers that are not ours run only as an operator approved them. A pin is the SHA-256 of everything of a tool that a
-- model sees; origins report what servers list (sight_tools), an operator approves one sighting (approve_tool), and an origin shows a
-- tool only while its pin is the approved one. Tools of mcpist itself have no pin.
-- Way back: drop the three functions and the table, then the column and the trigger's new column.

alter table mcpist.tools add column pin text check (pin ~ '^[0-9a-f]{64}$');

create table mcpist.tool_sightings (
  module_id text not null check (module_id ~ '^[a-z][a-z0-9_-]{0,30}$'),
  tool_id text not null check (tool_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
  -- The canonical JSON (RFC 8785) of the tool's facts and its server's instructions: what the pin is the digest of.
  facts text not null check (octet_length(facts) <= 262144),
  pin text not null check (pin = encode(sha256(convert_to(facts, 'UTF8')), 'hex')),
  first_seen timestamptz not null default now(),
  last_seen timestamptz not null default now(),
  primary key (module_id, tool_id, pin)
);
alter table mcpist.tool_sightings enable row level security;
revoke all on mcpist.tool_sightings from public, anon, authenticated, service_role;

-- What a server lists now: an array of {tool, facts}. Returns the approved pins of the module's tools. An origin can add sightings, which
-- show and allow nothing; it can neither read them back nor approve one. At most 1000 tools, and 3000 rows a module: the ones that
-- nobody has seen for the longest time go first, never an approved one.
create function mcpist.sight_tools(module_id text, listed json) returns table (tool_id text, pin text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if json_typeof(sight_tools.listed) is distinct from 'array' or json_array_length(sight_tools.listed) > 1000 then
    raise exception 'a listing is an array of at most 1000 tools' using errcode = 'invalid_parameter_value';
  end if;
  insert into mcpist.tool_sightings as s (module_id, tool_id, facts, pin)
  select distinct sight_tools.module_id, x ->> 'tool', x ->> 'facts', encode(sha256(convert_to(x ->> 'facts', 'UTF8')), 'hex')
  from json_array_elements(sight_tools.listed) as x
  on conflict on constraint tool_sightings_pkey do update set last_seen = now()
    where s.last_seen < now() - interval '1 minute';
  delete from mcpist.tool_sightings s
  where s.ctid in (
    select o.ctid from mcpist.tool_sightings o
    where o.module_id = sight_tools.module_id
      and not exists (
        select from mcpist.tools t where t.module_id = o.module_id and t.tool_id = o.tool_id and t.pin = o.pin
      )
    order by o.last_seen desc offset 3000
  );
  return query select t.tool_id, t.pin from mcpist.tools t
    where t.module_id = sight_tools.module_id and t.pin is not null and not t.decoy;
end $$;

-- Approves one sighting of a tool. What was approved of it before is void, and users who may call it keep their grants.
create function mcpist.approve_tool(module_id text, tool_id text, pin text, changed_by text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (
    select from mcpist.tool_sightings s
    where s.module_id = approve_tool.module_id and s.tool_id = approve_tool.tool_id and s.pin = approve_tool.pin
  ) then
    raise exception 'no origin has seen this tool with this pin' using errcode = 'no_data_found';
  end if;
  perform set_config('mcpist.changed_by', coalesce(approve_tool.changed_by, ''), true);
  insert into mcpist.tools as t (module_id, tool_id, pin)
  values (approve_tool.module_id, approve_tool.tool_id, approve_tool.pin)
  on conflict on constraint tools_pkey do update set pin = excluded.pin, updated_at = now() where not t.decoy;
  if not found then
    raise exception 'a decoy cannot be approved' using errcode = 'check_violation';
  end if;
  perform set_config('mcpist.changed_by', '', true);
end $$;

revoke execute on function mcpist.sight_tools(text, json), mcpist.approve_tool(text, text, text, text)
from public, anon, authenticated, service_role;
grant execute on function mcpist.sight_tools(text, json) to mcpist_origin;

drop trigger raise_version on mcpist.tools;
create trigger raise_version after update of enabled, decoy, pin on mcpist.tools
  for each row execute function mcpist.raise_version_by_tool();

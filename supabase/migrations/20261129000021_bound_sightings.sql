-- Purpose: what an origin may leave in tool_sightings is bounded over all modules together, not for each name that it makes up: names of
-- modules are whatever a caller of sight_tools says.
-- Way back: create the function as 20261129000020_pin_tools.sql has it.

-- As before, but at most 20,000 sightings and 256 MiB that nobody has approved, of all modules together: the ones that nobody has seen
-- for the longest time go first, never an approved one. They are looked for when something was added: most reports say what is known.
create or replace function mcpist.sight_tools(module_id text, listed json) returns table (tool_id text, pin text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  added bigint;
begin
  if json_typeof(sight_tools.listed) is distinct from 'array' or json_array_length(sight_tools.listed) > 1000 then
    raise exception 'a listing is an array of at most 1000 tools' using errcode = 'invalid_parameter_value';
  end if;
  with listing as materialized (
    select distinct x ->> 'tool' as tool, x ->> 'facts' as facts,
      encode(sha256(convert_to(x ->> 'facts', 'UTF8')), 'hex') as digest
    from json_array_elements(sight_tools.listed) as x
  ), seen_again as (
    update mcpist.tool_sightings s set last_seen = now() from listing l
    where s.module_id = sight_tools.module_id and s.tool_id = l.tool and s.pin = l.digest
      and s.last_seen < now() - interval '1 minute'
  ), seen_first as (
    insert into mcpist.tool_sightings (module_id, tool_id, facts, pin)
    select sight_tools.module_id, l.tool, l.facts, l.digest from listing l
    on conflict on constraint tool_sightings_pkey do nothing
    returning 1
  )
  select count(*) into added from seen_first;
  if added > 0 then
    delete from mcpist.tool_sightings s
    where s.ctid in (
      select w.ctid from (
        select o.ctid,
          row_number() over all_of_them as place,
          row_number() over (partition by o.module_id order by o.last_seen desc, o.tool_id, o.pin) as place_in_module,
          sum(octet_length(o.facts)) over all_of_them as bytes
        from mcpist.tool_sightings o
        where not exists (
          select from mcpist.tools t where t.module_id = o.module_id and t.tool_id = o.tool_id and t.pin = o.pin
        )
        window all_of_them as (order by o.last_seen desc, o.module_id, o.tool_id, o.pin)
      ) w
      where w.place > 20000 or w.place_in_module > 3000 or w.bytes > 268435456
    );
  end if;
  return query select t.tool_id, t.pin from mcpist.tools t
    where t.module_id = sight_tools.module_id and t.pin is not null and not t.decoy;
end $$;

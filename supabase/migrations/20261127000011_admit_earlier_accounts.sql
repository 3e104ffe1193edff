-- Purpose: whoever signed up before this schema existed gets a row as well: on the free plan, with no grants.
-- Way back: nothing to undo; the rows are those that signing up would have made.
do $$
begin
  if to_regclass('auth.users') is not null then
    insert into mcpist.users (user_id) select id from auth.users on conflict do nothing;
  end if;
end $$;

-- Purpose: users as Supabase Auth has them. Whoever signed up before this schema existed gets a row too, and whoever is deleted
-- there is deleted here, with grants and connections. Does nothing where there is no auth.users.
-- Way back: drop the trigger and the function.
create function mcpist.on_account_deleted() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  delete from mcpist.users where user_id = old.id;
  return null;
end $$;
revoke execute on function mcpist.on_account_deleted() from public, anon, authenticated, service_role;
do $$
begin
  if to_regclass('auth.users') is not null then
    insert into mcpist.users (user_id) select id from auth.users on conflict do nothing;
    create trigger mcpist_account_deleted after delete on auth.users for each row execute function mcpist.on_account_deleted();
  end if;
end $$;

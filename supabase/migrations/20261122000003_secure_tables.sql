-- Purpose: row-level security on every table and the least that each role needs. Whoever is not named here gets nothing:
-- anon and authenticated have no rights at all, so the Supabase API cannot reach this schema even if it were exposed.
-- Way back: drop the policies; revoke the grants.
do $$
declare
  name text;
begin
  for name in select tablename from pg_catalog.pg_tables where schemaname = 'mcpist' loop
    execute format('alter table mcpist.%I enable row level security', name);
    execute format('revoke all on mcpist.%I from public, anon, authenticated, service_role', name);
  end loop;
end $$;

-- The origin: reads permissions, counts, claims, writes events. It cannot grant anything to anybody, cannot read events back,
-- and sees neither connections nor the Vault.
grant select on mcpist.plans, mcpist.users, mcpist.tools, mcpist.grants to mcpist_origin;
grant select on mcpist.settings to mcpist_origin;
grant select, insert, update on mcpist.usage_counters, mcpist.usage_monthly to mcpist_origin;
grant select, insert on mcpist.call_claims to mcpist_origin;
grant update (state, finished_at, result, origin, claimed_at, expires_at) on mcpist.call_claims to mcpist_origin;
grant insert on mcpist.security_events to mcpist_origin, mcpist_broker;

create policy origin_reads on mcpist.settings for select to mcpist_origin using (key = 'monthly_quota');
create policy origin_reads on mcpist.plans for select to mcpist_origin using (true);
create policy origin_reads on mcpist.users for select to mcpist_origin using (true);
create policy origin_reads on mcpist.tools for select to mcpist_origin using (true);
create policy origin_reads on mcpist.grants for select to mcpist_origin using (true);
create policy origin_counts on mcpist.usage_counters to mcpist_origin using (true) with check (true);
create policy origin_counts on mcpist.usage_monthly to mcpist_origin using (true) with check (true);
create policy origin_claims on mcpist.call_claims for select to mcpist_origin using (true);
create policy origin_claims_new on mcpist.call_claims for insert to mcpist_origin with check (state = 'claimed' and result is null);
create policy origin_finishes on mcpist.call_claims for update to mcpist_origin using (state = 'claimed') with check (true);
create policy origin_logs on mcpist.security_events for insert to mcpist_origin with check (layer in ('gateway', 'origin'));
create policy broker_logs on mcpist.security_events for insert to mcpist_broker with check (layer = 'broker');

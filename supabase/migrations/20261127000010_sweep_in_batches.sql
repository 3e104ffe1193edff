-- Purpose: retention that always gets done. One statement that deletes everything runs into the origins' time limit when much has
-- come together, is undone, and never succeeds again; batches do, and two origins that sweep at once take different rows.
-- Way back: drop the function and the index; create sweep() anew as 20261122000005 does.
create index usage_monthly_month on mcpist.usage_monthly (month);

-- Retention: claims 10 minutes, counters 35 days, events 90 days, monthly counts and changes 13 months. The only deletion an origin
-- can cause. Deletes at most `batch` rows of each table and returns how many rows it deleted; call it until that is 0.
drop function mcpist.sweep();
create function mcpist.sweep(batch integer default 2000) returns integer language plpgsql security definer set search_path = '' as $$
declare
  n integer;
  total integer;
begin
  delete from mcpist.call_claims where ctid = any (array(
    select ctid from mcpist.call_claims where expires_at < now() limit batch for update skip locked));
  get diagnostics total = row_count;
  delete from mcpist.usage_counters where ctid = any (array(
    select ctid from mcpist.usage_counters where window_start < now() - interval '35 days' limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.usage_monthly where ctid = any (array(
    select ctid from mcpist.usage_monthly where month < date_trunc('month', now()) - interval '13 months' limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.security_events where ctid = any (array(
    select ctid from mcpist.security_events where at < now() - interval '90 days' limit batch for update skip locked));
  get diagnostics n = row_count;
  total := total + n;
  delete from mcpist.changes where ctid = any (array(
    select ctid from mcpist.changes where at < now() - interval '13 months' limit batch for update skip locked));
  get diagnostics n = row_count;
  return total + n;
end $$;
revoke execute on function mcpist.sweep(integer) from public, anon, authenticated, service_role;
grant execute on function mcpist.sweep(integer) to mcpist_origin;

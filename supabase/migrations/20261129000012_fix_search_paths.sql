-- Purpose: no function finds a name where its caller can put something. An empty search path still has pg_temp in it, and first, for the
-- names of types and tables: a temporary domain called jsonb, with a check that calls a function of the attacker, ran as the owner of
-- the schema. Named last, pg_temp is searched last; functions and operators are never found there. Every function, also those that run
-- as their caller: a trigger runs as whoever the statement before it ran as. Functions that come later say the same (a test looks).
-- And the built-in right of everybody to execute new functions is back for the rest of the database: no migration needs it away,
-- because each names who may execute what. Functions that others made meanwhile keep what they have: grant execute on them by hand.
-- Way back: alter function … set search_path = ''; alter default privileges revoke execute on functions from public.
do $$
declare
  name regprocedure;
begin
  for name in select oid::regprocedure from pg_catalog.pg_proc where pronamespace = 'mcpist'::regnamespace loop
    execute format('alter function %s set search_path = pg_catalog, pg_temp', name);
    execute format('revoke execute on function %s from public', name);
  end loop;
end $$;

alter default privileges grant execute on functions to public;

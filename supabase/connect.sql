-- Connects an account from the reply of a provider's token endpoint, read from psql's standard input (docs/runbooks/broker.md):
--   … | psql service=mcpist-owner -X -v ON_ERROR_STOP=1 -v user_id=UUID -v module=NAME -f supabase/connect.sql
-- The tokens travel as COPY data, so that they are in no argument, no history and no text of a statement that a server may log.
create temporary table reply (line text);
\copy reply from pstdin with (format csv, delimiter E'\x02', quote E'\x01')
select mcpist.connect_reply(:'user_id'::uuid, :'module', string_agg(line, E'\n')) from reply;
drop table reply;

-- Seed for the sandbox and for development: 60 users on the unlimited plan, granted every tool that needs no account, the first ten of
-- them the tools of GitHub and Notion too, and one decoy. Nobody is connected here: the sandbox does that for its first user. Real installations never load this file; their users come from sign-up and their decoys from an operator.
insert into mcpist.tools (module_id, tool_id) values
  ('time', 'now'), ('time', 'convert'),
  ('http_status', 'check'),
  ('github', 'search_repositories'), ('github', 'list_issues'), ('github', 'get_issue'), ('github', 'create_issue'), ('github', 'comment'),
  ('notion', 'search'), ('notion', 'get_page'), ('notion', 'create_page'), ('notion', 'append_blocks')
on conflict do nothing;

insert into mcpist.tools (module_id, tool_id, decoy) values ('time', 'set_system_clock', true)
on conflict do nothing;

insert into mcpist.users (user_id, plan_id)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'unlimited' from generate_series(1, 60) as n
on conflict do nothing;

insert into mcpist.grants (user_id, module_id, tool_id, granted_by)
select u.user_id, t.module_id, t.tool_id, 'seed'
from mcpist.users u cross join mcpist.tools t
where not t.decoy and t.module_id in ('time', 'http_status') and u.user_id::text like '00000000-0000-4000-8000-%'
on conflict do nothing;

insert into mcpist.grants (user_id, module_id, tool_id, granted_by)
select ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, t.module_id, t.tool_id, 'seed'
from generate_series(1, 10) as n cross join mcpist.tools t
where not t.decoy and t.module_id in ('github', 'notion')
on conflict do nothing;

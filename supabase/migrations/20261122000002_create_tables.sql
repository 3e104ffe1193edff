-- Purpose: users, plans, permissions, counters, claims, security events, connections.
-- All times are database times (now()); processes never compare their own clocks.
-- Way back: drop the tables in reverse order; nothing outside this schema refers to them.

create table mcpist.settings (
  key text primary key check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
  value text not null,
  updated_at timestamptz not null default now()
);

create table mcpist.plans (
  id text primary key check (id ~ '^[a-z][a-z0-9_-]{0,30}$'),
  -- Calls per minute; -1 = unlimited. 120 is what an origin's ring of timestamps can hold.
  per_minute integer not null check (per_minute = -1 or per_minute between 1 and 120),
  -- Calls per calendar month; -1 = unlimited. Used only while the setting monthly_quota is 'on'.
  per_month integer not null default -1 check (per_month = -1 or per_month > 0)
);
insert into mcpist.plans (id, per_minute) values ('free', 30), ('starter', 60), ('pro', 120), ('unlimited', -1);

create table mcpist.users (
  user_id uuid primary key,
  plan_id text not null default 'free' references mcpist.plans (id),
  status text not null default 'active' check (status in ('active', 'suspended')),
  -- Raised by triggers on every change that an origin may have cached.
  permissions_version bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table mcpist.tools (
  module_id text not null check (module_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
  tool_id text not null check (tool_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
  enabled boolean not null default true,
  -- A name that no registry knows, that is never granted and never listed: whoever calls it is probing.
  decoy boolean not null default false,
  updated_at timestamptz not null default now(),
  primary key (module_id, tool_id)
);

create table mcpist.grants (
  user_id uuid not null references mcpist.users (user_id) on delete cascade,
  module_id text not null,
  tool_id text not null,
  granted_at timestamptz not null default now(),
  granted_by text not null,
  revoked_at timestamptz,
  revoked_by text,
  primary key (user_id, module_id, tool_id),
  foreign key (module_id, tool_id) references mcpist.tools (module_id, tool_id),
  check ((revoked_at is null) = (revoked_by is null))
);

create table mcpist.usage_counters (
  user_id uuid not null,
  origin text not null,
  window_start timestamptz not null,
  calls bigint not null default 0 check (calls >= 0),
  refused bigint not null default 0 check (refused >= 0),
  limited bigint not null default 0 check (limited >= 0),
  primary key (user_id, origin, window_start)
);
create index usage_counters_window on mcpist.usage_counters (window_start);

create table mcpist.usage_monthly (
  user_id uuid not null,
  month date not null check (extract(day from month) = 1),
  calls bigint not null default 0 check (calls >= 0),
  primary key (user_id, month)
);

create table mcpist.call_claims (
  request_id uuid primary key,
  user_id uuid not null,
  origin text not null,
  module_id text not null,
  tool_id text not null,
  state text not null default 'claimed' check (state in ('claimed', 'done')),
  claimed_at timestamptz not null default now(),
  finished_at timestamptz,
  -- The serialised tool result, at most 256 KiB; null when it was larger or when storing is off.
  result bytea check (octet_length(result) <= 262144),
  expires_at timestamptz not null default now() + interval '10 minutes',
  check ((state = 'done') = (finished_at is not null))
);
create index call_claims_expiry on mcpist.call_claims (expires_at);

create table mcpist.security_events (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  layer text not null check (layer in ('gateway', 'origin', 'broker')),
  event text not null,
  verdict text,
  severity text not null check (severity in ('info', 'warn', 'error', 'critical')),
  score integer not null default 0,
  user_id uuid,
  client_id text check (length(client_id) <= 200),
  module text check (module ~ '^[A-Za-z0-9_.-]{1,64}$'),
  tool text check (tool ~ '^[A-Za-z0-9_.-]{1,64}$'),
  name_hash text check (length(name_hash) <= 100),
  request_id uuid,
  origin text,
  http_status integer,
  ip_hash text check (length(ip_hash) <= 64),
  count integer not null default 1 check (count > 0)
);
create index security_events_at on mcpist.security_events (at);
create index security_events_user on mcpist.security_events (user_id, at);

create table mcpist.connections (
  user_id uuid not null references mcpist.users (user_id) on delete cascade,
  module_id text not null check (module_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
  vault_secret_id uuid not null,
  scopes text[] not null default '{}',
  status text not null default 'active' check (status in ('active', 'broken')),
  access_expires_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (user_id, module_id)
);

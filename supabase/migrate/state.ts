/** How a database stands: what is applied, and what is not as it should be, each in one sentence. Reads only. */
import type { SchemaDatabase } from "./database.ts";
import { BUILT_IN_TOOLS, readMigrations, type ToolNames } from "./files.ts";

const OLDEST_MAJOR = 15;

/** Something that is not as it should be. */
export interface Finding {
  readonly what: string;
  /** What to do. */
  readonly hint: string;
  /** True = `db migrate` must not begin. */
  readonly blocks: boolean;
}

/** What was found. */
export interface SchemaState {
  /** For example "17.10". */
  readonly server: string;
  readonly role: string;
  /** False = this role cannot see what is applied. */
  readonly readable: boolean;
  /** Versions with their names, in order. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly findings: readonly Finding[];
}

interface Facts {
  readonly server: string;
  readonly major: number;
  readonly role: string;
  readonly creates: boolean;
  readonly makes_roles: boolean;
  readonly owner: string | null;
  readonly owns: boolean;
  readonly records: boolean;
  readonly schema: boolean;
  readonly vault: boolean;
  readonly accounts: boolean;
  readonly standby: boolean;
}
/** Whether a table exists, also for a role that may not look into its schema. */
const there = (schema: string, table: string): string =>
  `exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = '${schema}' and c.relname = '${table}')`;
const FACTS = `
select current_setting('server_version') as server, current_setting('server_version_num')::int / 10000 as major, current_user::text as role,
  has_database_privilege(current_database(), 'create') as creates,
  (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as makes_roles,
  (select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = 'mcpist') as owner,
  coalesce((select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'mcpist'), true) as owns,
  to_regnamespace('mcpist') is not null as schema, pg_is_in_recovery() as standby, ${there("supabase_migrations", "schema_migrations")} as records,
  ${there("vault", "secrets")} as vault, ${there("auth", "users")} as accounts`;

const finding = (what: string, hint: string, blocks = false): Finding => ({ what, hint, blocks });
const MIGRATE = "mcpist db migrate";

/** What keeps a migration from beginning. */
function obstacles(facts: Facts): readonly Finding[] {
  const { server, major, role, owner } = facts;
  const ownersAddress = "set DATABASE_URL to the owner's address, on Supabase of postgres";
  const found: Finding[] = [];
  if (major < OLDEST_MAJOR)
    found.push(finding(`PostgreSQL ${server} is too old`, `use ${OLDEST_MAJOR} or later`, true));
  if (facts.standby) found.push(finding("this is a read-only copy", "use the address of the primary", true));
  if (!facts.owns)
    found.push(finding(`this is role "${role}", and schema mcpist belongs to "${owner}"`, ownersAddress, true));
  else if (!facts.schema && !(facts.creates && facts.makes_roles))
    found.push(finding(`role "${role}" can create no schema or no role`, ownersAddress, true));
  return found;
}

interface Detail {
  readonly plan: boolean;
  readonly tools: number;
  readonly loose: string | null;
  readonly silent: string | null;
  readonly exposed: string | null;
}
const DETAIL = `
select exists (select from mcpist.plans where id = 'free') as plan,
  (select count(*)::int from json_array_elements($1::json) as x
   where not exists (select from mcpist.tools t where t.module_id = x ->> 0 and t.tool_id = x ->> 1)) as tools,
  (select string_agg(p.oid::regprocedure::text, ', ' order by 1) from pg_proc p where p.pronamespace = 'mcpist'::regnamespace
   and not coalesce(p.proconfig, '{}') @> array['search_path=pg_catalog, pg_temp']) as loose,
  (select string_agg(rolname::text, ' and ' order by rolname desc) from pg_roles
   where rolname in ('mcpist_origin', 'mcpist_broker') and not rolcanlogin) as silent,
  (select string_agg(relname::text, ', ' order by relname) from pg_class where relnamespace = 'mcpist'::regnamespace and relkind = 'r'
   and not relrowsecurity) as exposed`;
const ACCOUNTS = `
select (select count(*)::int from auth.users a where not exists (select from mcpist.users u where u.user_id = a.id)) as outside,
  (select count(*)::int from pg_trigger where tgrelid = 'auth.users'::regclass and tgname in ('mcpist_sign_up', 'mcpist_account_deleted')
   and tgenabled <> 'D') as triggers`;

async function details(
  database: SchemaDatabase,
  { accounts, vault }: Facts,
  own: ToolNames,
): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const [detail] = await database.query<Detail>(DETAIL, [JSON.stringify([...BUILT_IN_TOOLS, ...own])]);
  if (!detail) return found;
  if (!detail.plan) found.push(finding('the plan "free" is missing: whoever signs up gets no row', MIGRATE));
  if (detail.tools > 0) found.push(finding(`${detail.tools} tools of this version cannot be granted yet`, MIGRATE));
  if (detail.loose !== null)
    found.push(
      finding(
        `the search path of ${detail.loose} is not the fixed one`,
        "alter function … set search_path = pg_catalog, pg_temp",
      ),
    );
  if (detail.exposed !== null)
    found.push(
      finding(`row-level security is off for ${detail.exposed}`, "alter table mcpist.… enable row level security"),
    );
  if (detail.silent !== null)
    found.push(finding(`${detail.silent} cannot log in`, "docs/runbooks/database.md, set up, step 2"));
  if (!vault)
    found.push(finding("there is no Vault: no account can be connected", "on Supabase: enable its extension"));
  if (accounts) {
    const [auth] = await database.query<{ outside: number; triggers: number }>(ACCOUNTS);
    if (auth && auth.outside > 0) found.push(finding(`${auth.outside} accounts have no row here`, MIGRATE));
    if (auth && auth.triggers < 2)
      found.push(finding("a trigger of ours on auth.users is missing or disabled", MIGRATE));
  }
  return found;
}

/** Looks at a database. @param own tools of modules of one's own @throws whatever the driver throws. */
export async function observe(database: SchemaDatabase, own: ToolNames = []): Promise<SchemaState> {
  const [facts] = await database.query<Facts>(FACTS);
  if (!facts) throw new TypeError("the database answered without a row");
  const findings: Finding[] = [...obstacles(facts)];
  const readable = findings.length === 0;
  const recorded =
    readable && facts.records
      ? await database.query<{ version: string; name: string | null }>(
          "select version, name from supabase_migrations.schema_migrations order by version",
        )
      : [];
  const known = await readMigrations();
  const label = ({ version, name }: { version: string; name: string | null }): string =>
    name === null ? version : `${version}_${name}`;
  const versions = new Set(recorded.map(({ version }) => version));
  const applied = known.filter(({ version }) => versions.has(version));
  const pending = known.filter(({ version }) => !versions.has(version));
  const last = applied.at(-1);
  const skipped = pending.filter(({ version }) => last !== undefined && version < last.version);
  if (last && skipped.length > 0)
    findings.push(
      finding(
        `${skipped.map(label).join(" and ")} ${skipped.length === 1 ? "was" : "were"} left out although ${label(last)} is applied`,
        "a step out of order may undo a later one: read it, apply by hand what is missing, and record it in supabase_migrations.schema_migrations",
        true,
      ),
    );
  if (pending.length > 0 && !findings.some(({ blocks }) => blocks))
    findings.push(finding(`${pending.length} of ${known.length} migrations are not applied`, MIGRATE));
  if (readable && facts.records && pending.length === 0) findings.push(...(await details(database, facts, own)));
  return {
    server: facts.server,
    role: facts.role,
    readable,
    applied: applied.map(label),
    pending: readable ? pending.map(label) : [],
    findings,
  };
}

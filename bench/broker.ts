/**
 * The token broker over a real PostgreSQL: tokens that are kept, refreshes, what others wait while 500 wait, memory under hostile
 * replies, and a million accounts that are admitted. Prints; asserts nothing. See bench/broker/README.md.
 */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { askFor, testBroker, type TestProvider } from "../origin/test/broker.ts";
import { postgresDatabase, type TestPostgres } from "../origin/test/postgres.ts";
import { BROKER_SECRET_HEADER } from "../supabase/functions/token-broker/credential.ts";
import type { BrokerParts } from "../supabase/functions/token-broker/parts.ts";
import { migrate } from "../supabase/migrate/apply.ts";

const USERS = 600;
const AT_ONCE = 32;
const MS = 5_000;
const WAITING = 500;
const ACCOUNTS = 1_000_000;
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const at = (sorted: readonly number[], part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
const idOf = (n: number): string => `00000000-0000-4000-8000-${(n + 0x1000).toString(16).padStart(12, "0")}`;

async function prepare({ admin }: TestPostgres): Promise<void> {
  const ids = `select ('00000000-0000-4000-8000-' || lpad(to_hex(n + 4096), 12, '0'))::uuid as id from generate_series(0, ${USERS + WAITING}) as n`;
  await admin.script(`
    insert into mcpist.users (user_id, plan_id) select id, 'unlimited' from (${ids}) as u;
    select count(mcpist.grant_tool(id, 'lab', 'token', 'bench')) from (${ids}) as u;
    select count(mcpist.connect_account(id, 'lab', '{"access_token":"a","refresh_token":"r"}', '{}', 3600)) from (${ids}) as u;`);
}

/** A broker whose provider is a function in this process: what a provider takes is not ours. */
function broker(database: TestPostgres, provider: typeof fetch) {
  const parts: Partial<BrokerParts> = { fetch: provider, line: () => {} };
  const { handle, secret } = testBroker(database, { tokenUrl: "http://127.0.0.1:1/" } as TestProvider, parts);
  return (user: number, rejected?: string): Promise<Response> =>
    handle(
      new Request("https://broker.example/", {
        method: "POST",
        headers: { [BROKER_SECRET_HEADER]: secret },
        body: JSON.stringify({ ...askFor(idOf(user)), ...(rejected === undefined ? {} : { rejected }) }),
      }),
    );
}

/** Calls `ask` for `MS`, so many at a time, and returns what each took. Unit: milliseconds. */
async function load(ask: (n: number) => Promise<Response>, atOnce: number, pause = 0) {
  const took: number[] = [];
  const bad = new Map<number, number>();
  const from = performance.now();
  let n = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (performance.now() - from < MS) {
        const began = performance.now();
        const { status } = await ask(n++);
        took.push(performance.now() - began);
        if (status !== 200) bad.set(status, (bad.get(status) ?? 0) + 1);
        if (pause > 0) await sleep(pause);
      }
    }),
  );
  took.sort((a, b) => a - b);
  const perSecond = Math.round((took.length / (performance.now() - from)) * 1000);
  return { perSecond, p50: at(took, 0.5).toFixed(1), p99: at(took, 0.99).toFixed(1), bad: JSON.stringify([...bad]) };
}

async function rates(database: TestPostgres): Promise<void> {
  const instant = (async () =>
    Response.json({ access_token: "a", refresh_token: "r", expires_in: 3600 })) as unknown as typeof fetch;
  const ask = broker(database, instant);
  const kept = await load((n) => ask(n % USERS), AT_ONCE);
  print(
    `kept tokens, ${AT_ONCE} at once: ${kept.perSecond}/s, p50 ${kept.p50} ms, p99 ${kept.p99} ms, not 200: ${kept.bad}`,
  );
  const over = () => database.admin.query("update mcpist.connections set access_expires_at = now()");
  // Every refresh makes a token good for an hour; it is made to end again as fast as can be.
  let refreshed = 0;
  const counting = ((...request: Parameters<typeof fetch>) => (refreshed++, instant(...request))) as typeof fetch;
  const again = broker(database, counting);
  const from = performance.now();
  while (performance.now() - from < MS) {
    await over();
    const began = performance.now();
    await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, lane) => {
        for (let user = lane; user < USERS; user += AT_ONCE) await again(user);
      }),
    );
    print(`refreshes, ${AT_ONCE} at once: ${Math.round((USERS / (performance.now() - began)) * 1000)}/s`);
  }
  print(`refreshes that reached the provider: ${refreshed}`);
}

async function others(database: TestPostgres): Promise<void> {
  const silent = ((_: unknown, { signal }: RequestInit) =>
    new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(new Error("over"))),
    )) as unknown as typeof fetch;
  const cases: readonly (readonly [string, (user: number) => number, boolean])[] = [
    ["nobody waits", () => -1, false],
    [`${WAITING} users wait for a silent provider`, (n) => USERS + n, false],
    [`${WAITING} requests of one user wait in the same instance`, () => USERS, false],
    [`${WAITING} requests of one user wait in another instance`, () => USERS, true],
  ];
  for (const [name, userOf, elsewhere] of cases) {
    await database.admin.query(
      "update mcpist.connections set access_expires_at = now() + interval '1 hour', lease = null, lease_until = null",
    );
    await database.admin.query("update mcpist.connections set access_expires_at = now() where user_id >= $1::uuid", [
      idOf(USERS),
    ]);
    const ask = broker(database, silent);
    const holder = elsewhere ? broker(database, silent) : ask;
    const waiting: Promise<Response>[] = [];
    if (userOf(0) >= 0) {
      waiting.push(holder(userOf(0)));
      await sleep(200);
      for (let n = 1; n < WAITING; n++) waiting.push(ask(userOf(n)));
      await sleep(500);
    }
    const seen = await load((n) => ask(n % USERS), 4, 5);
    print(`${name}: others ${seen.perSecond}/s, p50 ${seen.p50} ms, p99 ${seen.p99} ms, not 200: ${seen.bad}`);
    await Promise.all(waiting);
  }
}

async function memory(): Promise<void> {
  const packed = gzipSync(Buffer.alloc(400 * 1024 * 1024, " "));
  const chunk = Buffer.alloc(64 * 1024, " ");
  const answers: readonly (readonly [string, (response: ServerResponse) => void])[] = [
    ["ordinary replies", (response) => void response.end('{"access_token":"a","refresh_token":"r","expires_in":3600}')],
    [
      "endless replies",
      (response) => {
        const more = () => {
          while (!response.destroyed && response.write(chunk)) continue;
        };
        response.on("drain", more);
        more();
      },
    ],
    [
      `replies of ${Math.round(packed.length / 1024)} kB that unpack to 400 MB`,
      (response) => void response.writeHead(200, { "content-encoding": "gzip" }).end(packed),
    ],
  ];
  const child = fileURLToPath(new URL("broker/hostile.ts", import.meta.url));
  for (const [name, answer] of answers) {
    const server = createServer((request, response) => {
      request.resume();
      response.on("error", () => {});
      answer(response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { stdout } = await promisify(execFile)(process.execPath, [
      child,
      String((server.address() as AddressInfo).port),
    ]);
    print(`memory, 64 ${name}, 16 at once: ${stdout} MB resident at most`);
    server.closeAllConnections();
    server.close();
  }
}

async function accounts(): Promise<void> {
  const database = await postgresDatabase(undefined, false);
  await database.superuser.script(
    `insert into auth.users (id) select gen_random_uuid() from generate_series(1, ${ACCOUNTS})`,
  );
  const from = performance.now();
  let longest = 0;
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const done = await work();
    longest = Math.max(longest, performance.now() - began);
    return done;
  };
  await migrate({
    query: (text, parameters) => timed(() => database.admin.query(text, parameters)),
    script: (text) => timed(() => database.admin.script(text)),
  });
  const seconds = (ms: number): string => (ms / 1000).toFixed(1);
  print(
    `migrations over ${ACCOUNTS} accounts: ${seconds(performance.now() - from)} s, longest statement ${seconds(longest)} s`,
  );
  await database.close();
}

await memory();
const database = await postgresDatabase();
const [row] = await database.superuser.query<{ v: string }>("select current_setting('server_version') as v");
print(`PostgreSQL ${row?.v}, four connections per broker, fsync off`);
await prepare(database);
await rates(database);
await others(database);
await database.close();
await accounts();

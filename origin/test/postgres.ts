/**
 * A PostgreSQL server of the test's own: Debian's binaries, an empty data directory, loopback, a free port. PostgreSQL refuses to
 * run as root, so root starts it as user `postgres`. Nothing outside the directory is touched.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { overPool, POOL } from "../../supabase/functions/token-broker/database.ts";
import { openPostgres } from "../database/pg.ts";
import { prepare, type TestDatabase } from "./database.ts";
import { quietPorts } from "./ports.ts";

const DEBIAN = "/usr/lib/postgresql";

/** Folder of initdb and postgres, newest version first; null where there is none. */
export function postgresBinaries(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return (
    versions.map((version) => join(DEBIAN, version, "bin")).find((folder) => existsSync(join(folder, "initdb"))) ?? null
  );
}

const idOf = (flag: "-u" | "-g"): number => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));

/** Starts the server, applies everything, and lets the two roles log in. */
export async function postgresDatabase(): Promise<TestDatabase> {
  const binaries = postgresBinaries();
  if (binaries === null) throw new Error("no PostgreSQL server is installed");
  const directory = mkdtempSync(join(tmpdir(), "mcpist-postgres-"));
  const as = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  if (as.uid !== undefined && as.gid !== undefined) chownSync(directory, as.uid, as.gid);
  const data = join(directory, "data");
  const environment = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC" };
  execFileSync(join(binaries, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"], {
    ...as,
    cwd: directory,
    env: environment,
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
  const server = spawn(join(binaries, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    ...as,
    cwd: directory,
    env: environment,
    stdio: "ignore",
  });
  const url = (role: string): string => `postgres://${role}@127.0.0.1:${port}/postgres`;
  const admin = openPostgres(url("postgres"), () => {}, { queryTimeoutMs: 30_000 });
  for (let attempt = 0; ; attempt++) {
    try {
      await admin.query("select 1");
      break;
    } catch (cause) {
      if (attempt === 100) throw cause;
      await sleep(100);
    }
  }
  await prepare(admin);
  await admin.script("alter role mcpist_origin login; alter role mcpist_broker login;");
  const broker = new pg.Pool({ connectionString: url("mcpist_broker"), ...POOL });
  return {
    kind: "postgres",
    admin,
    openOrigin: async () => openPostgres(`${url("mcpist_origin")}?pool_max=4`, () => {}),
    broker: overPool(broker),
    async close() {
      await broker.end();
      await admin.close();
      const ended = once(server, "exit");
      server.kill("SIGINT");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

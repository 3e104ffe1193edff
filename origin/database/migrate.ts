/**
 * `npm run db:migrate`: brings the database of DATABASE_URL up to date and registers the tools of this version. With `--seed` it
 * also loads the sandbox's users. It prints what it did to stderr and never the URL.
 */
import { readDatabaseUrl } from "../../contract/database-url.ts";
import { faultOf } from "../faults.ts";
import { builtIn, createRegistry } from "../modules/registry.ts";
import { authorityFault } from "./authority.ts";
import { addTools, migrate, readSeed } from "./migrations.ts";
import { openPostgres } from "./pg.ts";

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const url = process.env["DATABASE_URL"];
const address = readDatabaseUrl(url ?? "");
if (url === undefined || typeof address === "string") {
  say(`error: DATABASE_URL ${typeof address === "string" ? address : "is not set"}`);
  process.exit(2);
}
const fault = authorityFault(url);
if (fault !== null) {
  say(`error: DATABASE_URL ${fault}`);
  process.exit(2);
}
const database = openPostgres(url, () => {}, { queryTimeoutMs: 120_000 });
try {
  for (const version of await migrate(database)) say(`applied ${version}`);
  const added = await addTools(
    database,
    createRegistry(builtIn({ environment: "", upstreams: {}, httpStatusHosts: [], fetch })),
  );
  say(added === 0 ? "tools are up to date" : `added ${added} tools`);
  if (process.argv.includes("--seed")) {
    await database.script(await readSeed());
    say("seeded");
  }
} catch (cause) {
  say(`error: the migration stopped (${faultOf(cause).code ?? "unknown"}); nothing of the failed step was kept`);
  process.exitCode = 1;
} finally {
  await database.close();
}

/** Runs the official conformance suite against a server and reads its verdicts. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const SUITE = join(import.meta.dirname, "../../../node_modules/@modelcontextprotocol/conformance/dist/index.js");
const TIMEOUT_MS = 240_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Verdicts per `scenario/check`, in the order in which they came. */
export type Verdicts = ReadonlyMap<string, readonly string[]>;

/**
 * Every check of one `revision`, asked of the server whose endpoint is `<url>/mcp`.
 * @throws when the suite does not end in time or leaves no readable verdicts.
 */
export async function conformanceVerdicts(url: string, revision: string): Promise<Verdicts> {
  const folder = await mkdtemp(join(tmpdir(), "mcpist-conformance-"));
  try {
    // The suite ends with 1 when a check fails; its verdicts are in the files.
    await promisify(execFile)(
      process.execPath,
      [SUITE, "server", "--url", `${url}/mcp`, "--requirements", revision, "-o", folder],
      {
        timeout: TIMEOUT_MS,
        maxBuffer: MAX_OUTPUT_BYTES,
      },
    ).catch((error: { readonly killed?: boolean }) => {
      if (error.killed === true) throw error;
    });
    const verdicts = new Map<string, string[]>();
    for (const name of await readdir(folder)) {
      const scenario = name.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT.*$/, "");
      const checks = JSON.parse(await readFile(join(folder, name, "checks.json"), "utf8")) as {
        readonly id: string;
        readonly status: string;
      }[];
      for (const { id, status } of checks)
        verdicts.set(`${scenario}/${id}`, [...(verdicts.get(`${scenario}/${id}`) ?? []), status]);
    }
    return verdicts;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

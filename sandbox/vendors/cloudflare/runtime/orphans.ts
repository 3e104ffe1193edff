/** Keeps a runtime from living on when this process is killed: Miniflare ends it on a proper exit only. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const WRAPPER = fileURLToPath(new URL("./workerd.sh", import.meta.url));
/** Where Miniflare looks for another workerd than its own. */
const PATH_VARIABLE = "MINIFLARE_WORKERD_PATH";
/** What the wrapper starts. Where it is set the other one is ours, and not meant for commands that this process runs. */
const REAL_VARIABLE = "MCPIST_WORKERD";

let decided = false;

/** From now on this process's runtimes end with it, where the system has a way: Linux with util-linux. A path that somebody set stays. */
export function endRuntimesWithUs(): void {
  if (decided) return;
  decided = true;
  if (process.platform !== "linux" || process.env[PATH_VARIABLE] !== undefined) return;
  // Asked once by doing it: a setpriv of another maker (BusyBox) has no such option, and a file system may forbid scripts.
  const { status } = spawnSync(WRAPPER, { env: { ...process.env, [REAL_VARIABLE]: "true" }, stdio: "ignore" });
  if (status !== 0) return;
  const { default: workerd } = createRequire(createRequire(import.meta.url).resolve("miniflare"))("workerd") as {
    readonly default: string;
  };
  process.env[REAL_VARIABLE] = workerd;
  process.env[PATH_VARIABLE] = WRAPPER;
}

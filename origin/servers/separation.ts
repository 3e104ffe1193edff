/**
 * Under whose user id a server's program runs. Its own, wherever the origin may change ids: then the kernel keeps it away from the
 * origin's memory, environment, descriptors and signals. Where it may not, only a server that the configuration trusts is started.
 */
import { err, ok, type Result } from "../../contract/result.ts";

/** Ids of servers begin here, one per server in the order of their names; nothing else in the image has them. */
const FIRST_UID = 20_001;
/** Bits of a capability set (linux/capability.h). */
const CAP_KILL = 1n << 5n;
const CAP_SETGID = 1n << 6n;
const CAP_SETUID = 1n << 7n;
const NEEDED = CAP_KILL | CAP_SETGID | CAP_SETUID;

/** How to start a server's program. */
export interface SpawnPlan {
  readonly command: readonly string[];
  /** Words that run what follows them as the server's own user; null when it runs as the origin itself. */
  readonly asUser: readonly string[] | null;
  /** That user's id, or null. */
  readonly uid: number | null;
}

/**
 * Of a machine without memory the kernel ends this program first, and never the origin for its sake; a program that starts itself without
 * end stops at a thousand processes and threads. As well as the system lets it: without these limits it runs all the same.
 */
const LIMITS =
  '{ echo 1000 > /proc/self/oom_score_adj; prlimit --pid $$ --nproc=1024; } 2> /dev/null; cd "$0" && exec "$@"';

/** What is spawned, and where: the folder of a server that has a user of its own may be closed to the origin. */
export const wordsOf = ({ command, asUser }: SpawnPlan, folder: string): { words: readonly string[]; cwd: string } =>
  asUser === null
    ? { words: command, cwd: folder }
    : { words: [...asUser, "/bin/sh", "-c", LIMITS, folder, ...command], cwd: "/" };

/** True when this process may start programs under other ids and end them. `status` = the text of /proc/self/status. */
export function maySeparate(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) & NEEDED) === NEEDED;
}

/**
 * The program that starts others under user ids of their own.
 * @param status text of /proc/self/status @param path directories with a colon between @param isProgram of a file's path
 * @returns its absolute path; null = this process may not, or there is no such program, and nothing is assumed.
 */
export function findSeparator(status: string, path: string, isProgram: (file: string) => boolean): string | null {
  if (!maySeparate(status)) return null;
  // Not looked up with a server's own PATH: a program of that name there would run as the origin.
  const files = path.split(":").filter((folder) => folder.startsWith("/"));
  return files.map((folder) => `${folder}/setpriv`).find(isProgram) ?? null;
}

/**
 * How to start `command` for the server at `index`.
 * @param separator from {@link findSeparator}
 * @returns as error one sentence for the operator, after the server's name.
 */
export function spawnPlan(
  command: readonly string[],
  index: number,
  trusted: boolean,
  separator: string | null,
): Result<SpawnPlan, string> {
  if (separator !== null) {
    const uid = FIRST_UID + index;
    // setpriv and not spawn's own uid: capabilities that were given to the origin would survive the change of ids.
    const ids = ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
    const rights = ["--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs"];
    // A child that ignores the end of its input must not outlive an origin that was killed.
    rights.push("--pdeathsig=KILL");
    return ok({ command, asUser: [separator, ...ids, ...rights, "--"], uid });
  }
  if (trusted) return ok({ command, asUser: null, uid: null });
  return err(
    "cannot be kept apart from the origin, which may not change user ids here: start the origin with that right, " +
      "or set trusted: true if the program may read everything that the origin can",
  );
}

/** Whether there is room for what a local cloud writes beside memory: the runtime's databases. Without it a start fails far from its cause. */
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { machineFault } from "../errors.ts";
import { checkHome } from "../targets/wrangler.ts";

/** A demo writes about 2 MiB. Unit: bytes. */
const NEEDED_BYTES = 16 * 1024 * 1024;

/** What is asked of a file system; `bsize` in bytes. */
interface Space {
  readonly bavail: number;
  readonly bsize: number;
  readonly blocks: number;
}

/** @throws {McpistError} ERR_MACHINE when the folder for temporary files cannot be written, or is full. */
export async function checkRoom(look: (folder: string) => Promise<Space> = (folder) => statfs(folder)): Promise<void> {
  await checkHome();
  const { bavail, bsize, blocks } = await look(tmpdir());
  // Some file systems do not say how large they are.
  if (blocks === 0 || bavail * bsize >= NEEDED_BYTES) return;
  const full = Object.assign(new Error(`less than ${NEEDED_BYTES} bytes are free`), { code: "ENOSPC" });
  throw machineFault(full) ?? full;
}

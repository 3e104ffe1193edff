/**
 * First module of an origin process: takes the environment from its parent over IPC, then becomes the program.
 * Nothing of that environment is ever in argv or in the environment with which the process was created, because other
 * users and every tool that lists processes can read both. Ends the process when the parent is gone.
 */
import { pathToFileURL } from "node:url";

process.once("disconnect", () => process.exit(0));
process.once("message", (environment: Readonly<Record<string, string>>) => {
  Object.assign(process.env, environment);
  // The channel watches the parent; it must not keep a program alive that has nothing left to do.
  process.channel?.unref();
  const program = process.argv[2];
  if (program === undefined) throw new TypeError("instance-child: the program is missing");
  // main.ts decides by argv[1] and import.meta whether it is the program; it shall see what `node main.ts` would show it.
  process.argv.splice(1, 2, program);
  void import(pathToFileURL(program).href);
});

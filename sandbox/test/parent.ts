/** A program for tests: starts two instances, suspends one, says their process ids, and waits to be killed. */
import { startInstance } from "../processes/instance.ts";
import { FAKE_ORIGIN } from "./harness.ts";

const options = { id: "child", log: () => {}, program: FAKE_ORIGIN };
const [awake, asleep] = await Promise.all([startInstance({}, options), startInstance({}, options)]);
asleep.suspend();
// The guard is told over IPC; it knows as soon as the message has left.
setTimeout(() => process.stdout.write(`${JSON.stringify([awake.pid, asleep.pid])}\n`), 200);

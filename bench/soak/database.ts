/** The database in a process of its own: what it computes must not hold up whoever measures. */
import { startDatabase } from "../origin/servers.ts";

process.send?.({ url: await startDatabase({ users: Number(process.argv[2]) }) });

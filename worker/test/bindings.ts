/** A check by the compiler alone: `npm run typecheck` fails when what worker/wrangler.jsonc binds is not what the Worker expects. */
import type { Env } from "../env.ts";

type Expected = Required<Omit<Env, "MCPIST_CONFIG" | "GATEWAY_SECRET">>;
type Fitting<Given extends Expected> = Given;
/** Types that `npm run types:worker` writes to bindings.d.ts: none is missing, and each has what the Worker calls. */
export type PlatformBindings = Fitting<Bindings>;

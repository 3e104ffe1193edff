/**
 * `mcpist jwks purge`: a new generation in the gateway's KV, so that every isolate drops its copy of the sign-in keys. Touches
 * no secret, no version and no deployment, and therefore needs no lock.
 */
import { defineCommand, noOptions } from "../command.ts";
import { EXIT, McpistError } from "../errors.ts";
import { HINTS } from "../hints/hints.ts";
import { printJson, printProse } from "../output.ts";
import type { Session } from "../session.ts";

/** Where the Worker looks, and how soon: it asks at most once a minute, and KV may serve an old value for as long again. */
const GENERATION_KEY = "jwks:gen";
const SEEN_WITHIN_SECONDS = 120;
/** Unit: bytes. */
const GENERATION_BYTES = 8;

/** Id of the namespace that the deployed Worker is bound to; the configuration does not name it. */
async function namespaceOf(session: Session): Promise<string> {
  const bound = await session.targets.worker.bound();
  if (bound?.kvNamespace) return bound.kvNamespace;
  throw new McpistError(
    "ERR_NOT_FOUND",
    bound ? "the deployed Worker has no KV binding" : "the Worker is not deployed yet",
    {
      hint: HINTS.deployBaseOf(),
    },
  );
}

export const jwksPurge = defineCommand(
  "purge",
  {
    summary: "Makes every gateway isolate fetch the sign-in keys anew.",
    examples: ["mcpist jwks purge --env production"],
  },
  noOptions,
  async (context, flags) => {
    const [{ openSession }, { gatewayKv }] = await Promise.all([
      import("../session.ts"),
      import("../targets/gateway-kv.ts"),
    ]);
    const session = await openSession(context, flags);
    const kv = gatewayKv(session.apis.cloudflare, session.environment, await namespaceOf(session));
    const generation = context.randomBytes(GENERATION_BYTES).toString("hex");
    const text = JSON.stringify({ generation, at: context.now().toISOString() });
    await kv.put(GENERATION_KEY, text);
    if ((await kv.get(GENERATION_KEY)) !== text) {
      throw new McpistError(
        "ERR_MISMATCH",
        "KV does not hold the new generation: somebody else purged at the same moment, or KV lags",
        {
          hint: HINTS.again(),
        },
      );
    }
    if (flags.json) {
      printJson(context, {
        command: "jwks purge",
        environment: session.name,
        ok: true,
        exitCode: EXIT.done,
        generation,
        seenWithinSeconds: SEEN_WITHIN_SECONDS,
      });
    } else {
      printProse(
        context,
        `done  every gateway isolate fetches the sign-in keys anew within ${SEEN_WITHIN_SECONDS} s (generation ${generation})\n` +
          "For a leaked key that is too long: deploy a new Worker version, which starts with empty caches.\n",
      );
    }
    return EXIT.done;
  },
);

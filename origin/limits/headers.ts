/** How the plan's limit is told to clients: the IETF draft's structured fields and the older `X-RateLimit-*` names. */
import { WINDOW_MS, type Admission } from "./sliding-log.ts";

/** Whole seconds, at least 1. */
const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/** Headers for an answer under a plan; none for unlimited plans. */
export function rateLimitHeaders({ admitted, limit, remaining, resetMs }: Admission): Readonly<Record<string, string>> {
  if (limit === -1) return {};
  const reset = seconds(resetMs);
  return {
    "ratelimit-policy": `"plan";q=${limit};w=${WINDOW_MS / 1000}`,
    ratelimit: `"plan";r=${remaining};t=${reset}`,
    "x-ratelimit-limit": String(limit),
    "x-ratelimit-remaining": String(remaining),
    "x-ratelimit-reset": String(reset),
    ...(admitted ? {} : { "retry-after": String(reset) }),
  };
}

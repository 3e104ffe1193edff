/** What a request leaves behind: its secret, its outcome, what was taken in advance, rights that have ended. Each mutant is a mistake that somebody could make. */
import type { Mutant } from "./mutant.ts";

export const AFTERWARDS: readonly Mutant[] = [
  {
    id: "GW-07/a-tool-sees-the-secret",
    breaks: "the gateway secret stays among the headers of a request that was accepted",
    file: "origin/http/verify.ts",
    from: "if (at >= 0) rawHeaders.splice(at, 2);",
    to: "if (at >= 0) rawHeaders.slice(at, 2);",
    caughtBy: ["the guard of one's own server > leaves a tool that shows its request's headers no secret, read %s it"],
  },
  {
    id: "GW-07/the-sdk-sees-everything",
    breaks: "the SDK gets every header of a request",
    file: "origin/http/sdk-request.ts",
    from: 'if (name.startsWith("mcp-param-") && typeof value',
    to: "if (typeof value",
    caughtBy: ["shows the SDK what MCP is made of, and nothing of the gateway, the caller or the platform"],
  },
  {
    id: "JWT-03/keys-from-before-a-purge",
    breaks: "keys that were on their way when a purge was seen are taken",
    file: "worker/jwks/resolver.ts",
    from: "    if (this.#generation !== null && keys.generation !== this.#generation) return;\n",
    to: "",
    caughtBy: ["purge > is not undone by keys that were on their way when it was seen"],
  },
  {
    id: "RATE-01/leases-for-ever",
    breaks: "requests that were taken in advance are never void",
    file: "worker/leases.ts",
    from: "if (now >= lease.until || lease.left < 1) {",
    to: "if (lease.left < 1) {",
    caughtBy: ["leases > are void after their life, and joined ones after that of the oldest"],
  },
  {
    id: "HTTP-03/a-fault-says-nothing",
    breaks: "a fault of the gateway behind a call does not say that it may have run",
    file: "worker/serve.ts",
    from: "afterFault(visit, sent ? call.value.callClass : null, error)",
    to: "afterFault(visit, null, error)",
    caughtBy: [
      "a fault of the gateway > behind a call that was sent tells that the call may have run, under its own id",
    ],
  },
  {
    id: "HTTP-03/nothing-is-an-answer",
    breaks: "an answer without a body is passed on to the caller of a tool",
    file: "worker/answer.ts",
    from: "return ok && passing.owed() ? CUT : { body: null, lasts: false };",
    to: "return { body: null, lasts: false };",
    caughtBy: ["an answer to a call that says that all is well and does not say what came of it > may have run: %s"],
  },
  {
    id: "HTTP-03/a-question-is-an-answer",
    breaks: "a server's own request counts as the answer to a call",
    file: "worker/policy/event-watch.ts",
    from: 'isRecord(message) && !("method" in message) && (',
    to: "isRecord(message) && (",
    caughtBy: ["what went by in an event stream > %s"],
  },
  {
    id: "SIEVE-01/one-of-two-natives",
    breaks: "of two tools with one native name the first one is called",
    file: "origin/sieve/native-names.ts",
    from: "tool && !twin ?",
    to: "tool ?",
    caughtBy: [
      "two tools with one native name > are both left out, whichever comes first: which of them was approved, nobody could tell",
    ],
  },
  {
    id: "SIEVE-02/suspended-runs-on",
    breaks: "what a suspended user had begun goes on",
    file: "origin/calls/running.ts",
    from: "user?.active === true && (target",
    to: "user !== null && (target",
    caughtBy: ["calls that run > are stopped as far as it has to be when their user %s"],
  },
  {
    id: "SIEVE-02/unheard-is-unchanged",
    breaks: "what changed while nobody listened is not looked at again",
    file: "origin/sieve/invalidation.ts",
    from: "        cache.clear();\n",
    to: "",
    caughtBy: [
      "announcements of changed permissions > that came before anybody listened are made up for: nobody's permissions are kept from then",
      "announcements of changed permissions > that came while the subscription was lost are made up for too",
    ],
  },
];

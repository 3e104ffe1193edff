/**
 * What the official conformance suite finds in natively presented tools that a server which is asked directly does not have, and why. What
 * the product offers in neither presentation is in not-offered.ts; here is what is more, and what is less: the suite finds its own tools.
 */
import { NOT_OFFERED } from "./not-offered.ts";

/** By protocol revision, reason, and `scenario/check`: only natively. */
const MORE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "2026-07-28": {
    "x-mcp-header of a server's own schema is removed: no header of a client names a parameter of it": [
      "http-custom-header-server-validation/sep-2243-server-decode-base64",
      "http-custom-header-server-validation/sep-2243-server-no-xmcp-tool",
      "http-custom-header-server-validation/sep-2243-server-reject-invalid-param-chars",
      "http-custom-header-server-validation/sep-2243-server-reject-param-mismatch",
      "http-custom-header-server-validation/sep-2243-server-validate-param-match",
    ],
    "a server may not ask its caller anything, so the suite's server has no tools that do": [
      "input-required-result-validate-input/sep-2322-error-on-protocol-error",
      "input-required-result-validate-input/sep-2322-validate-input-responses",
      "server-stateless/sep-2575-missing-capability-http-400",
      "server-stateless/sep-2575-server-rejects-undeclared-capability",
    ],
  },
  "2025-11-25": {
    "requests are stateless: no session, no event to resume from": ["server-sse-polling/incoming-sse-event"],
  },
};
/** Not offered by the meta tools, and passing natively. */
const LESS: ReadonlySet<string> = new Set([
  "input-required-result-ignore-extra-params/sep-2322-ignore-unexpected-params",
  "server-stateless/sep-2575-server-no-log-without-loglevel",
  "tasks-capability-negotiation/sep-2663-server-rejects-undeclared-client",
  "tasks-dispatch-and-envelope/sep-2663-legacy-task-param-ignored",
  "tasks-dispatch-and-envelope/tasks-immediate-result-shortcut",
  "tasks-dispatch-and-envelope/tasks-result-type-complete-on-non-task-responses",
  "tasks-lifecycle/tasks-sync-tool-call",
]);
/** Reason of not-offered.ts that holds for the meta tools alone. */
const META_ONLY = "the suite's own diagnostic tools do not exist: clients see get_module_schema and call";

/** Every check of one revision that may fail natively. */
export function nativeDifferences(revision: string): readonly string[] {
  const shared = Object.entries(NOT_OFFERED[revision] ?? {}).flatMap(([reason, checks]) =>
    reason === META_ONLY ? [] : checks.filter((check) => !LESS.has(check)),
  );
  return [...shared, ...Object.values(MORE[revision] ?? {}).flat()].toSorted();
}

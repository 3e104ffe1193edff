/** What `mcpist origin check` asks of a running origin: docs/origin-contract.md, one check for each sentence that can be asked over HTTP. */
import { kidOf, parseSlot, SLOT_VARIABLES, type SlotName } from "../../contract/gateway-secret.ts";
import {
  CLAIM_HEADER,
  DENY_HEADER,
  GATEWAY_SECRET_HEADER,
  HEALTH_PATH,
  MCP_PATH,
  OBSERVATION_PATH,
  ORIGIN_HEADER,
  READY_PATH,
  REQUEST_ID_HEADER,
  USER_ID_HEADER,
} from "../../contract/headers.ts";
import { isRecord } from "../../contract/json.ts";
import { parseOriginObservation, type OriginObservation } from "../../contract/observation.ts";
import type { RawAnswer, RawRequest } from "../targets/origin-wire.ts";

/** What a check came to. */
export interface Verdict {
  /** Section of docs/origin-contract.md. */
  readonly section: string;
  /** What must hold. */
  readonly what: string;
  readonly outcome: "holds" | "broken" | "not checked";
  /** What was seen instead, or why it was not checked; never a secret. */
  readonly seen?: string;
}

/** What the checks work with. */
export interface Checked {
  readonly send: (request: RawRequest) => Promise<RawAnswer>;
  /** The slots that the process was started with. */
  readonly slots: Readonly<Record<SlotName, string | undefined>>;
  /** 64 hex characters that it does not know. */
  readonly stranger: string;
  /** A fresh UUIDv7. */
  readonly requestId: () => string;
  readonly userId: string;
  /** A tool with effects that may be called; null = none. */
  readonly tool: { readonly name: string; readonly args: unknown } | null;
}

type Fault = string | null;
const LEGACY = "2025-06-18";

const slotSecrets = ({ slots }: Checked): readonly string[] =>
  (["a", "b"] as const).flatMap((name) => (parseSlot(slots[name]).kind === "secret" ? [slots[name] ?? ""] : []));

/** Each slot as an observation must report it. */
async function reportOf(text: string | undefined): Promise<string | null> {
  const slot = parseSlot(text);
  if (slot.kind === "secret") return kidOf(slot.bytes);
  return slot.kind === "revoked" ? `revoked:${slot.kid}` : null;
}

const statusIs = (answer: RawAnswer, ...wanted: readonly number[]): Fault =>
  wanted.includes(answer.status)
    ? null
    : answer.status === 0
      ? "no answer within ten seconds"
      : `status ${answer.status} instead of ${wanted.join(" or ")}`;
const headerIs = ({ headers }: RawAnswer, name: string, value: string): Fault =>
  headers[name] === value ? null : `${name} is ${headers[name] === undefined ? "absent" : "another"}, not ${value}`;
const named = ({ headers }: RawAnswer): Fault => (headers[ORIGIN_HEADER] ? null : `${ORIGIN_HEADER} is absent`);

/** A refusal of who does not know the secret. */
const refused = (answer: RawAnswer): Fault =>
  statusIs(answer, 403) ??
  headerIs(answer, DENY_HEADER, "gateway_secret") ??
  named(answer) ??
  (answer.body === "" ? null : "the body is not empty");

/** The JSON-RPC message in an answer, JSON or an event stream; null when there is none. */
function messageIn({ body, headers }: RawAnswer): Readonly<Record<string, unknown>> | null {
  const texts = headers["content-type"]?.startsWith("text/event-stream")
    ? body.split(/\r?\n/).flatMap((line) => (line.startsWith("data:") ? [line.slice("data:".length)] : []))
    : [body];
  for (const text of texts)
    try {
      const value: unknown = JSON.parse(text);
      if (isRecord(value) && ("result" in value || "error" in value)) return value;
    } catch {
      // Not every line of a stream is a message.
    }
  return null;
}

const JSON_HEADERS = ["content-type", "application/json", "accept", "application/json, text/event-stream"];
const rpc = (method: string, params: unknown = {}): string => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });

/** Runs all checks, one after another: some look at what others did. */
export async function checkOrigin(checked: Checked): Promise<readonly Verdict[]> {
  const { slots, stranger, requestId, userId, tool } = checked;
  const secrets = slotSecrets(checked);
  const leaks = new Set<string>();
  const send = async (request: RawRequest): Promise<RawAnswer> => {
    const answer = await checked.send(request);
    const all = `${Object.values(answer.headers).join("\n")}\n${answer.body}`.toLowerCase();
    if (secrets.some((text) => all.includes(text))) leaks.add(`${request.method} ${request.path}`);
    return answer;
  };
  const [secret = ""] = secrets;
  const verdicts: Verdict[] = [];
  const check = async (section: string, what: string, work: () => Promise<Fault>): Promise<void> => {
    const seen = await work();
    verdicts.push({ section, what, ...(seen === null ? { outcome: "holds" } : { outcome: "broken", seen }) });
  };
  const skip = (section: string, what: string, seen: string): void =>
    void verdicts.push({ section, what, outcome: "not checked", seen });
  const observe = async (
    ...headers: readonly string[]
  ): Promise<{ answer: RawAnswer; seen: OriginObservation | null }> => {
    const answer = await send({ method: "GET", path: OBSERVATION_PATH, headers });
    try {
      return { answer, seen: parseOriginObservation(JSON.parse(answer.body)) };
    } catch {
      return { answer, seen: null };
    }
  };
  const mcp = (headers: readonly string[], body: string = rpc("tools/list")): Promise<RawAnswer> =>
    send({
      method: "POST",
      path: MCP_PATH,
      headers: [...JSON_HEADERS, "mcp-protocol-version", LEGACY, ...headers],
      body,
    });
  const identity = (id: string = requestId(), user: string = userId) => [USER_ID_HEADER, user, REQUEST_ID_HEADER, id];
  const withSecret = (text: string) => [GATEWAY_SECRET_HEADER, text];

  await check("2", "/health answers everybody, the same bytes each time", async () => {
    const [one, two] = [
      await send({ method: "GET", path: HEALTH_PATH }),
      await send({ method: "GET", path: HEALTH_PATH }),
    ];
    return statusIs(one, 200) ?? named(one) ?? (one.body === two.body ? null : "two answers differ");
  });
  await check("2", "the observation is open, and what the contract says", async () => {
    const { answer, seen } = await observe();
    return (
      statusIs(answer, 200) ??
      named(answer) ??
      headerIs(answer, "cache-control", "no-store") ??
      (seen === null ? "the body is not an observation" : null) ??
      (seen?.marks === undefined ? "marks is absent" : null) ??
      (seen?.accepted === undefined ? null : "accepted is there although no secret was sent")
    );
  });
  await check("1", "it reports the slots that it was started with", async () => {
    const { seen } = await observe();
    const wanted = { a: await reportOf(slots.a), b: await reportOf(slots.b) };
    const kids = seen?.kids;
    return kids && "a" in kids && kids.a === wanted.a && kids.b === wanted.b
      ? null
      : `kids is not ${JSON.stringify(wanted)}`;
  });
  await check("2", "the observation says whether a secret would be accepted", async () => {
    for (const text of secrets)
      if ((await observe(...withSecret(text))).seen?.accepted !== true)
        return "accepted is not true for a slot's secret";
    return (await observe(...withSecret(stranger))).seen?.accepted === false
      ? null
      : "accepted is not false for a stranger";
  });

  const strangers: readonly (readonly [string, readonly string[]])[] = [
    ["without the secret", []],
    ["with an unknown secret", withSecret(stranger)],
    ["with an empty secret", withSecret("")],
    ["with the secret in upper case", withSecret(secret.toUpperCase())],
    ["with the secret and one character more", withSecret(`${secret}0`)],
    ["with the secret twice", [...withSecret(secret), ...withSecret(secret)]],
    ["with the secret beside another value", [...withSecret(stranger), ...withSecret(secret)]],
    ["with the text of a tombstone", withSecret("revoked:0000000000000000")],
  ];
  for (const [how, headers] of strangers)
    await check("1", `a request ${how} is refused`, async () => refused(await mcp([...headers, ...identity()])));
  for (const name of ["a", "b"] as const) {
    const text = slots[name];
    if (text?.startsWith("revoked:"))
      await check("1", `the tombstone in ${SLOT_VARIABLES[name]} is no secret`, async () =>
        refused(await mcp([...withSecret(text), ...identity()])),
      );
  }
  await check("1", "a refusal does not wait for the body", async () =>
    refused(await send({ method: "POST", path: MCP_PATH, headers: JSON_HEADERS, withheld: 1_000_000 })),
  );
  await check("1", "what is not open is refused, too", async () =>
    refused(await send({ method: "GET", path: READY_PATH })),
  );

  await check("3", "/health/ready answers who knows the secret", async () => {
    const answer = await send({ method: "GET", path: READY_PATH, headers: withSecret(secret) });
    return statusIs(answer, 200, 503) ?? named(answer);
  });
  const odd: readonly (readonly [string, readonly string[]])[] = [
    ["without a user", [REQUEST_ID_HEADER, requestId()]],
    ["without a request id", [USER_ID_HEADER, userId]],
    ["with two users", [...identity(), USER_ID_HEADER, userId]],
    ["with a user that is no UUID", [USER_ID_HEADER, "anna", REQUEST_ID_HEADER, requestId()]],
    [
      "with a request id that is no UUIDv7",
      [USER_ID_HEADER, userId, REQUEST_ID_HEADER, "00000000-0000-4000-8000-000000000001"],
    ],
  ];
  for (const [how, headers] of odd)
    await check("3", `a request ${how} is the gateway's fault`, async () => {
      const answer = await mcp([...withSecret(secret), ...headers]);
      return statusIs(answer, 500) ?? headerIs(answer, DENY_HEADER, "identity") ?? named(answer);
    });
  await check("3", "GET /mcp is refused", async () => {
    const answer = await send({ method: "GET", path: MCP_PATH, headers: [...withSecret(secret), ...identity()] });
    return statusIs(answer, 405);
  });
  await check("3", "a batch is refused", async () =>
    statusIs(await mcp([...withSecret(secret), ...identity()], `[${rpc("tools/list")}]`), 400),
  );
  const before = await observe();
  for (const [index, text] of secrets.entries())
    await check(
      "3",
      `tools are listed with the secret of ${secrets.length === 1 ? "the slot" : `slot ${index + 1}`}`,
      async () => {
        const answer = await mcp([...withSecret(text), ...identity()]);
        const result = messageIn(answer)?.["result"];
        return (
          statusIs(answer, 200) ??
          named(answer) ??
          (isRecord(result) && Array.isArray(result["tools"]) ? null : "no list of tools")
        );
      },
    );
  await check("2", "an accepted request shows in lastAccepted, and looking does not", async () => {
    if (before.seen && Object.keys(before.seen.lastAccepted).length !== secrets.length)
      return "lastAccepted has not one entry for each accepted kid";
    const { seen } = await observe(...withSecret(secret));
    const ages = Object.values(seen?.lastAccepted ?? {});
    return ages.length > 0 && ages.every((age) => age !== null && age < 60)
      ? null
      : "lastAccepted is not a few seconds";
  });

  const twice = "a call with effects is run once for one request id";
  if (tool === null) skip("4", twice, "name a tool that may be called: --tool NAME");
  else
    await check("4", twice, async () => {
      const id = requestId();
      const body = rpc("tools/call", { name: tool.name, arguments: tool.args });
      const first = await mcp([...withSecret(secret), ...identity(id)], body);
      const fault = statusIs(first, 200);
      if (fault !== null) return `the first call: ${fault}`;
      const second = await mcp([...withSecret(secret), ...identity(id)], body);
      if (second.status === 409) return headerIs(second, CLAIM_HEADER, "in_progress");
      const same = JSON.stringify(messageIn(first)) === JSON.stringify(messageIn(second));
      return (
        statusIs(second, 200) ??
        headerIs(second, CLAIM_HEADER, "replayed") ??
        (same ? null : "the kept result is another")
      );
    });
  await check("1", "the secret is in no answer", async () =>
    leaks.size === 0 ? null : `it is in the answer to ${[...leaks].join(", ")}`,
  );
  skip("1", "it does not start without a usable slot, or with a broken one", "start it with the slots of the vectors");
  skip("5", "it finishes what is under way after SIGTERM, and says draining", "send it SIGTERM under load");
  return verdicts;
}

/** `mcpist origin check`: asks a running origin everything that docs/origin-contract.md says and HTTP can tell. Writes nothing. */
import { parseSlot, SLOT_VARIABLES } from "../../contract/gateway-secret.ts";
import { mintRequestId } from "../../contract/request-id.ts";
import { isSafeUrl } from "../../contract/safe-url.ts";
import type { Context } from "../context.ts";
import { EXIT, McpistError, type ExitCode } from "../errors.ts";
import type { CommonFlags } from "../flags.ts";
import { page } from "../hints/hint.ts";
import { HINTS } from "../hints/hints.ts";
import { checkOrigin, type Verdict } from "./origin-checks.ts";
import { printJson, styles, printProse } from "../output.ts";
import { printable } from "../redact.ts";
import { sendRaw } from "../targets/origin-wire.ts";

/** Flags of the command. */
export interface OriginCheckFlags extends CommonFlags {
  readonly url: string;
  readonly user: string;
  readonly tool?: string | undefined;
  readonly arguments: string;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function argumentsOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new McpistError("ERR_USAGE", "--arguments takes JSON", { hint: HINTS.flag("--arguments", "'{}'") });
  }
}

/** The slots of the process, which this one was given too. */
function slotsOf({ env, redactor }: Context) {
  const slots = { a: env[SLOT_VARIABLES.a], b: env[SLOT_VARIABLES.b] };
  for (const text of Object.values(slots)) if (parseSlot(text).kind === "secret") redactor.register(text ?? "");
  if (!Object.values(slots).some((text) => parseSlot(text).kind === "secret"))
    throw new McpistError(
      "ERR_USAGE",
      `neither ${SLOT_VARIABLES.a} nor ${SLOT_VARIABLES.b} holds a secret here: set what the origin was started with`,
      { hint: HINTS.originSlots() },
    );
  return slots;
}

const WORDS = { holds: "holds", broken: "broken", "not checked": "  -  " } as const;
const COLOURS = { holds: "green", broken: "red", "not checked": "dim" } as const;

function print(context: Context, verdicts: readonly Verdict[]): void {
  const style = styles(context, context.stdout);
  for (const { section, what, outcome, seen } of verdicts) {
    const more = seen === undefined ? "" : `: ${seen}`;
    printProse(
      context,
      `${style(COLOURS[outcome], WORDS[outcome].padEnd(6))}  §${section}  ${printable(what + more)}\n`,
    );
  }
}

/** The command: 0 when everything that was asked holds, else 3. */
export async function runOriginCheck(context: Context, flags: OriginCheckFlags): Promise<ExitCode> {
  if (!isSafeUrl(flags.url))
    throw new McpistError("ERR_USAGE", "an origin is asked at an https URL, or at http on loopback", {
      hint: HINTS.originSlots(),
    });
  if (!UUID.test(flags.user))
    throw new McpistError("ERR_USAGE", "--user takes the UUID of a user, in lower case", {
      hint: HINTS.flag("--user", "00000000-0000-4000-8000-000000000001"),
    });
  const tool = flags.tool === undefined ? null : { name: flags.tool, args: argumentsOf(flags.arguments) };
  const slots = slotsOf(context);
  const verdicts = await checkOrigin({
    send: (request) => {
      context.signal.throwIfAborted();
      return sendRaw(flags.url.replace(/\/$/, ""), request, context.signal);
    },
    slots,
    stranger: context.randomBytes(32).toString("hex"),
    requestId: () => mintRequestId(context.now().getTime()),
    userId: flags.user,
    tool,
  });
  const ok = verdicts.every(({ outcome }) => outcome !== "broken");
  const exitCode = ok ? EXIT.done : EXIT.refused;
  if (flags.json) printJson(context, { command: "origin check", ok, exitCode, verdicts });
  else {
    print(context, verdicts);
    const count = (outcome: Verdict["outcome"]) => verdicts.filter((verdict) => verdict.outcome === outcome).length;
    printProse(
      context,
      `\n${count("holds")} hold, ${count("broken")} broken, ${count("not checked")} not checked\n${page("docs/origin-contract.md")(context.place)} says what each means\n`,
    );
  }
  return exitCode;
}

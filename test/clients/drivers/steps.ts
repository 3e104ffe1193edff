/** What the drivers in TypeScript share: the order of the steps, and the person at the sign-in page. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome, Task } from "../task.ts";
import type { Step } from "../versions.ts";

/** Calls at once, as a host makes them in one turn of a model. */
export const PARALLEL = 20;
/** Windows of one person that are opened at the same moment. */
export const WINDOWS = 5;
/** How often, and after what pause, a browser looks for a client that does not listen yet. Unit: milliseconds. */
const ATTEMPTS = 200;
const PAUSE_MS = 50;
/** Pages of one sign-in. */
const HOPS = 10;
/** Longest step. Unit: milliseconds. */
const STEP_MS = 60_000;
/** Longest text of an error that is passed on. Unit: characters. */
const DETAIL = 300;

/** A call of a module's tool, as this gateway presents tools. */
export const toolCall = ({ presentation }: Task, module: string, tool: string, params: object) =>
  presentation === "native"
    ? { name: `${module}__${tool}`, arguments: params }
    : { name: "call", arguments: { module, tool, params } };

/** Takes one step; what it returns is worth saying of the success. @throws what the client threw. */
export type Steps = Readonly<Partial<Record<Step, () => Promise<string>>>>;

/** One line of text with the message of an error and of its causes. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, DETAIL);
  const cause = error.cause === undefined ? "" : ` (${messageOf(error.cause)})`;
  return `${error.name}: ${error.message}${cause}`.replaceAll(/\s+/g, " ").slice(0, DETAIL);
}

/** Takes the steps of the task one after another and says how each ended. */
export async function runSteps(task: Task, steps: Steps): Promise<void> {
  for (const step of task.steps) {
    const outcome = await take(step, steps[step]);
    await new Promise((resolve) => process.stdout.write(`${JSON.stringify(outcome)}\n`, resolve));
  }
}

async function take(step: Step, run: (() => Promise<string>) | undefined): Promise<Outcome> {
  if (!run) return { step, ok: false, detail: "this driver does not know the step" };
  try {
    const late = sleep(STEP_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no end after ${STEP_MS / 1000} s`);
    });
    return { step, ok: true, detail: await Promise.race([run(), late]) };
  } catch (error) {
    return { step, ok: false, detail: messageOf(error) };
  }
}

/** The person: opens the address, follows where the pages lead, consents. @returns the client's address to which the browser would go on. */
export async function approve(location: string | URL, person: string): Promise<URL> {
  let url = new URL(location);
  url.searchParams.set("login_hint", person);
  const home = url.searchParams.get("redirect_uri") ?? "";
  const cookies = new Map<string, string>();
  for (let hop = 0; hop < HOPS; hop++) {
    const cookie = Array.from(cookies, ([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, { redirect: "manual", headers: { cookie } });
    for (const [, name = "", value = ""] of answer.headers
      .getSetCookie()
      .map((text) => /^([^=]+)=([^;]*)/.exec(text) ?? []))
      cookies.set(name, value);
    const next = answer.headers.get("location");
    if (next === null)
      throw new Error(`the sign-in page answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
    url = new URL(next, url);
    if (!url.href.startsWith(home)) continue;
    const error = url.searchParams.get("error");
    if (error !== null)
      throw new Error(`the sign-in page said ${error}: ${url.searchParams.get("error_description") ?? ""}`);
    return url;
  }
  throw new Error("the sign-in leads in circles");
}

/** The person and the browser: some clients show the address before they listen for the answer, and nobody is that fast. */
export async function browse(location: string, person: string): Promise<void> {
  const target = await approve(location, person);
  for (let attempt = 1; ; attempt++) {
    try {
      await fetch(target);
      return;
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

/** A port of this machine that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

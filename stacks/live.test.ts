import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { differences } from "./live.ts";

const PLAN = readDocument(
  JSON.stringify({
    planned_values: {
      root_module: {
        resources: [
          {
            address: "fly_ip.one",
            mode: "managed",
            type: "fly_ip",
            values: { app: "mcpist-origin", address: "2001:db8::1" },
          },
        ],
      },
    },
  }),
);
const GOOD = [200, '{"ips":[{"ip":"2001:db8::1"}]}'] as const;
const WHAT = "the addresses of mcpist-origin cannot be read:";

let server: Server | null = null;
afterEach(() => void server?.close());

/** What is said where the platform answers so, one after the other, and how long each pause before the next question is. */
async function read(
  answers: readonly (readonly [status: number, body: string] | "hangs up")[],
  token: string = "canary",
) {
  const left = [...answers];
  const own = createServer((_, response) => {
    const next = left.shift() ?? "hangs up";
    if (next === "hangs up") response.destroy();
    else response.writeHead(next[0]).end(next[1]);
  }).listen(0, "127.0.0.1");
  server = own;
  await new Promise((resolve) => own.once("listening", resolve));
  const host = `127.0.0.1:${String((own.address() as AddressInfo).port)}`;
  if (!PLAN.ok) throw new TypeError(PLAN.error);
  const pauses: number[] = [];
  const variables = { FLY_FLAPS_BASE_URL: `http://${host}`, FLY_API_TOKEN: token };
  const { found, unread } = await differences(PLAN.value, variables, null, async (ms) => void pauses.push(ms));
  return { found, unread: unread.map((sentence) => sentence.replaceAll(host, "HOST")), pauses, left: left.length };
}

describe("differences", () => {
  it.each([["hangs up"], [[429, ""]], [[500, ""]], [[503, ""]]] as const)(
    "are asked for again where a platform answers %j, and it is no finding when it answers then",
    async (hiccup) => {
      expect(await read([hiccup, hiccup, GOOD])).toEqual({ found: [], unread: [], pauses: [1000, 3000], left: 0 });
    },
  );

  it.each([
    ["hangs up", `${WHAT} HOST: UND_ERR_SOCKET`],
    [[503, ""], `${WHAT} HOST answered 503`],
  ] as const)("are asked for three times, then %j is said with whose they are", async (hiccup, sentence) => {
    const answers = [hiccup, hiccup, hiccup, GOOD];
    expect(await read(answers)).toEqual({ found: [], unread: [sentence], pauses: [1000, 3000], left: 1 });
  });

  it.each([
    [[401, ""], `${WHAT} HOST answered 401 to the token in FLY_API_TOKEN`],
    [[403, ""], `${WHAT} HOST answered 403 to the token in FLY_API_TOKEN`],
    [[404, ""], `${WHAT} HOST answered 404`],
    [[200, "<canary>"], `${WHAT} HOST: no JSON`],
    [[200, '{"canary":1}'], `${WHAT} the answer has no list "ips"`],
  ] as const)("are asked for once where the answer stays so: %j", async (answer, sentence) => {
    expect(await read([answer, GOOD])).toEqual({ found: [], unread: [sentence], pauses: [], left: 1 });
  });

  it("are not asked for with a token that is no header, and nobody says it", async () => {
    const unread = [`${WHAT} HOST: it cannot be asked (TypeError)`];
    expect(await read([GOOD], "canary\nx")).toEqual({ found: [], unread, pauses: [], left: 1 });
  });
});

/** How the token broker asks each provider for a new access token: the requests that their references describe. */
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { secondsIn, tokensIn } from "../supabase/functions/token-broker/reply.ts";
import { refresh, type Provider } from "../supabase/functions/token-broker/refresh.ts";

const PROVIDER: Provider = { tokenUrl: "https://provider.example/token", clientId: "client", clientSecret: "s+cret" };

async function asked(provider: Provider, reply: unknown = { access_token: "next" }, status = 200) {
  const sent: { headers: Record<string, string>; body: string }[] = [];
  const fake = (async (_: string, init: { headers: Record<string, string>; body: string }) => {
    sent.push({ headers: init.headers, body: init.body });
    return Response.json(reply, { status });
  }) as unknown as typeof fetch;
  return { refreshed: await refresh(provider, "old", fake, () => Promise.resolve()), ...sent[0] };
}

describe("refresh at a provider", () => {
  it("authenticates by Basic and sends a form where nothing else is said", async () => {
    const { headers, body } = await asked(PROVIDER);
    expect(headers).toMatchObject({ authorization: `Basic ${btoa("client:s%2Bcret")}` });
    expect(body).toBe("grant_type=refresh_token&refresh_token=old");
  });

  it("sends GitHub its client as parameters, which is the way that GitHub documents", async () => {
    const { headers, body } = await asked({ ...PROVIDER, style: "github" });
    expect(headers).not.toHaveProperty("authorization");
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: "refresh_token",
      refresh_token: "old",
      client_id: "client",
      client_secret: "s+cret",
    });
  });

  it("sends Notion JSON with its dated version", async () => {
    const { headers, body } = await asked({ ...PROVIDER, style: "notion" });
    expect(headers).toMatchObject({
      authorization: `Basic ${btoa("client:s+cret")}`,
      "content-type": "application/json",
      "notion-version": "2022-06-28",
    });
    expect(JSON.parse(body ?? "")).toEqual({ grant_type: "refresh_token", refresh_token: "old" });
  });

  it.each([
    ["error, as RFC 6749 has it", { error: "invalid_grant" }, 400],
    ["code, as Notion has it", { object: "error", status: 400, code: "invalid_grant", message: "canary" }, 400],
    ["error with status 200, as GitHub has it", { error: "bad_refresh_token" }, 200],
  ])("takes a refresh token for dead that is refused by %s", async (_, reply, status) => {
    expect((await asked(PROVIDER, reply, status)).refreshed).toEqual({ kind: "broken" });
  });

  it("takes nothing else for a dead refresh token", async () => {
    const wrongClient = { error: "incorrect_client_credentials" };
    expect((await asked(PROVIDER, wrongClient)).refreshed).toEqual({ kind: "unavailable" });
    expect((await asked(PROVIDER, { object: "error", status: 401, code: "unauthorized" }, 401)).refreshed).toEqual({
      kind: "unavailable",
    });
  });

  it.each([
    ["503 of a proxy", { error: "invalid_grant" }, 503],
    ["429", { error: "invalid_grant" }, 429],
    ["404", { error: "invalid_grant" }, 404],
    ["a redirect", { error: "invalid_grant" }, 302],
  ])("takes no refresh token for dead on the word of a %s", async (_, reply, status) => {
    expect((await asked(PROVIDER, reply, status)).refreshed).toEqual({ kind: "unavailable" });
  });

  it("asks once more where no answer came, and no third time", async () => {
    const answers = [
      () => Promise.reject(new TypeError("reset")),
      () => Promise.resolve(Response.json({ access_token: "a" })),
    ];
    let count = 0;
    const fake = (() => answers[count++]?.()) as unknown as typeof fetch;
    const sleep = () => Promise.resolve();
    expect(await refresh(PROVIDER, "old", fake, sleep)).toMatchObject({
      kind: "tokens",
      accessToken: "a",
      refreshToken: "old",
    });
    count = 0;
    const silent = (() => (count++, Promise.reject(new TypeError("reset")))) as unknown as typeof fetch;
    expect([await refresh(PROVIDER, "old", silent, sleep), count]).toEqual([{ kind: "unavailable" }, 2]);
  });

  it("does not ask a second time whoever has answered, well or badly", async () => {
    for (const answer of [new Response("<html>"), new Response(null, { status: 500 }), Response.json([1])]) {
      let count = 0;
      const fake = (() => (count++, Promise.resolve(answer))) as unknown as typeof fetch;
      expect([await refresh(PROVIDER, "old", fake, () => Promise.resolve()), count]).toEqual([
        { kind: "unavailable" },
        1,
      ]);
    }
  });
});

describe("a provider's reply", () => {
  it.each([
    [3600, 3600],
    ["3600", 3600],
    [3599.9, 3599],
    ["28800.5", 28_800],
    [120, 120],
    [119, 120],
    [1, 120],
    [0.5, 120],
    [0, 120],
    [-1, 120],
    ["-1", 120],
    [2_147_483_647, 31_536_000],
    [2_147_483_648, 31_536_000],
    [1e308, 31_536_000],
    ["99999999999999999", 31_536_000],
    [undefined, 86_400],
    [null, 86_400],
    ["", 86_400],
    ["soon", 86_400],
    ["1e3", 86_400],
    ["0x10", 86_400],
    [true, 86_400],
    [[], 86_400],
    [{}, 86_400],
    [Number.NaN, 86_400],
  ])("that says expires_in %j ends after %i seconds, and never «never»", (said, seconds) => {
    expect(secondsIn(said)).toBe(seconds);
  });

  it("always ends between two minutes and a year, whatever it says", () => {
    const outside: unknown[] = [];
    fc.assert(
      fc.property(fc.anything(), (said) => {
        const seconds = secondsIn(said);
        if (!Number.isInteger(seconds) || seconds < 120 || seconds > 31_536_000) outside.push(said);
      }),
    );
    expect(outside).toEqual([]);
  });

  const long = "a".repeat(8193);
  it.each([
    ["NUL in the access token", { access_token: "a\u0000b", refresh_token: "r" }, null, "r"],
    ["a line break in the access token", { access_token: "a\nb", refresh_token: "r" }, null, "r"],
    ["half a surrogate in the access token", { access_token: "a\ud800", refresh_token: "r" }, null, "r"],
    ["an access token that is too long", { access_token: long, refresh_token: "r" }, null, "r"],
    ["an access token that is no text", { access_token: { a: 1 }, refresh_token: "r" }, null, "r"],
    ["no access token", { refresh_token: "r" }, null, "r"],
    ["NUL in the refresh token", { access_token: "a", refresh_token: "r\u0000" }, "a", "old"],
    ["a refresh token that is too long", { access_token: "a", refresh_token: long }, "a", "old"],
    ["an empty refresh token", { access_token: "a", refresh_token: "" }, "a", "old"],
  ])("with %s is kept as far as it is good", (_, reply, accessToken, refreshToken) => {
    expect(tokensIn(reply, "old")).toMatchObject({ accessToken, refreshToken });
  });

  it("without a token is none", () => {
    expect([tokensIn({}, "old"), tokensIn({ access_token: "", refresh_token: "\u0000" }, "old")]).toEqual([null, null]);
  });

  it.each([
    ["repo,gist", "repo,gist"],
    ["", ""],
    ["repo\u0000", null],
    ["é", null],
    [["repo"], null],
    [undefined, null],
    ["x".repeat(3073), null],
  ])("has the scopes %j", (scope, kept) => {
    expect(tokensIn({ access_token: "a", scope }, "old")?.scope).toBe(kept);
  });
});

describe("a hostile provider", () => {
  const servers: Server[] = [];
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    }
  });

  /** A provider that answers as `answer` does; how many bytes it could get rid of. */
  async function hostile(answer: (response: ServerResponse, write: (chunk: Buffer) => boolean) => void) {
    let written = 0;
    const server = createServer((request, response) => {
      request.resume();
      answer(response, (chunk) => {
        written += chunk.length;
        return response.write(chunk);
      });
    }).listen(0, "127.0.0.1");
    servers.push(server);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const provider = { ...PROVIDER, tokenUrl: `http://127.0.0.1:${port}/token` };
    return { provider, written: () => written };
  }
  const ask = (provider: Provider) => refresh(provider, "old", fetch, () => Promise.resolve());
  const unavailable = { kind: "unavailable" };
  /** Writes until the other side takes no more. */
  const pour = (response: ServerResponse, write: (chunk: Buffer) => boolean) => {
    const chunk = Buffer.alloc(64 * 1024, " ");
    const more = () => {
      while (!response.destroyed && write(chunk)) continue;
    };
    response.on("drain", more);
    more();
  };

  it("that never stops sending is read no further than a reply can be long", async () => {
    const { provider, written } = await hostile(pour);
    expect(await ask(provider)).toEqual(unavailable);
    // What the sockets hold on both sides is the system's; a gigabyte it is not.
    expect(written()).toBeLessThan(32 * 1024 * 1024);
  });

  it.each(["gzip", "br", "deflate"])("that packs 100 MB into a little %s is unpacked no further", async (encoding) => {
    const blanks = Buffer.alloc(100 * 1024 * 1024, " ");
    const packed =
      encoding === "br"
        ? brotliCompressSync(blanks, { params: { [constants.BROTLI_PARAM_QUALITY]: 0 } })
        : encoding === "gzip"
          ? gzipSync(blanks, { level: 1 })
          : deflateSync(blanks, { level: 1 });
    const { provider } = await hostile((response) => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": encoding }).end(packed);
    });
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    expect(await ask(provider)).toEqual(unavailable);
    const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    expect(after - before).toBeLessThan(48 * 1024 * 1024);
  });

  it.each([
    ["that says nothing", () => {}],
    ["that sends half a reply", (response: ServerResponse) => void response.write('{"access_token":')],
    ["that sends headers only", (response: ServerResponse) => response.flushHeaders()],
  ])("%s is given up when its time is over", async (_, answer) => {
    const patience = new AbortController();
    const asked: number[] = [];
    vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
      asked.push(ms);
      return patience.signal;
    });
    let seen: () => void = () => {};
    const arrived = new Promise<void>((resolve) => (seen = resolve));
    const { provider } = await hostile((response) => {
      answer(response);
      seen();
    });
    const answered = ask(provider);
    await arrived;
    patience.abort(new Error("over"));
    expect(await answered).toEqual(unavailable);
    expect(asked).toEqual([9_000]);
  });

  it.each([
    ["nothing", ""],
    ["blanks", "   "],
    ["a page", "<html>"],
    ["a number", "7"],
    ["null", "null"],
    ["a list", '[{"access_token":"a"}]'],
    ["half an object", '{"access_token":"a"'],
    ["deep nesting", "[".repeat(60_000)],
    ["a token in the prototype", '{"__proto__":{"access_token":"a"}}'],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x7b])],
  ])("that sends %s gives no token", async (_, body) => {
    const { provider } = await hostile((response) => void response.writeHead(200).end(body));
    expect(await ask(provider)).toEqual(unavailable);
  });
});

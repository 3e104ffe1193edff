import { describe, expect, it } from "vitest";
import { Api } from "./http.ts";
import { githubApi } from "./targets/github.ts";
import { formsOf, script, testContext, type ScriptedAnswer } from "./test/test-context.ts";

const CANARY = "canary-5f0c6a1be2d49317-value";

function vendor(...answers: readonly ScriptedAnswer[]) {
  const scripted = script(...answers);
  const context = testContext({ fetch: scripted.fetch });
  const api = new Api(context, {
    vendor: "Vendor",
    baseUrl: "https://api.vendor.test/",
    tokenVariable: "VENDOR_TOKEN",
    headers: { authorization: `Bearer ${CANARY}` },
  });
  return { api, context, scripted };
}
const answer = (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
  new Response(body === null ? null : JSON.stringify(body), { status, headers });
const reset = () =>
  Object.assign(new TypeError("fetch failed"), { cause: Object.assign(new Error("socket"), { code: "ECONNRESET" }) });

describe("the client of a vendor", () => {
  it("sends JSON with its own headers to one base URL and never follows a redirect", async () => {
    const { api, scripted } = vendor(answer(200, { ok: 1 }));
    const got = await api.call("PUT", "/thing?x=1", { body: { a: 1 }, headers: { "x-one": "1" } });
    const [request] = scripted.requests;
    expect(request?.url).toBe("https://api.vendor.test/thing?x=1");
    expect(request?.redirect).toBe("manual");
    expect(request?.headers.get("x-one")).toBe("1");
    expect(request?.headers.get("authorization")).toBe(`Bearer ${CANARY}`);
    expect(await request?.json()).toEqual({ a: 1 });
    expect(got).toMatchObject({ status: 200, json: { ok: 1 } });
  });

  it("asks once for an answer without an end, and holds no more than some of it", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1_048_576;
        controller.enqueue(new Uint8Array(1_048_576));
      },
    });
    const { api, scripted } = vendor(new Response(endless), answer(200));
    await expect(api.get("/list")).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: "Vendor's answer to GET /list is longer than any that it could mean",
    });
    expect(sent).toBeLessThan(20 * 1_048_576);
    expect(scripted.requests).toHaveLength(1);
  });

  it("refuses a base URL that is neither https nor loopback", () => {
    const options = { vendor: "Vendor", tokenVariable: "VENDOR_TOKEN", headers: {} };
    for (const baseUrl of ["http://api.vendor.test", "ftp://x", "nonsense", "http://127.0.0.1.evil.test"]) {
      expect(() => new Api(testContext(), { ...options, baseUrl })).toThrow("neither https nor on loopback");
    }
    expect(() => new Api(testContext(), { ...options, baseUrl: "http://127.0.0.1:1" })).not.toThrow();
  });

  it("says that an answer is no JSON instead of failing on it", async () => {
    const { api, context } = vendor(...Array.from({ length: 4 }, () => new Response("<html>")), answer(204, null));
    expect(await api.get("/a")).toMatchObject({ json: null, text: "<html>" });
    expect(context.slept).toEqual([250, 1000, 3000]);
    expect(await api.get("/b")).toMatchObject({ status: 204, json: null, text: "" });
  });

  it.each(["", " \n", "<html><body>502 Bad Gateway</body></html>"])(
    "asks again where success comes with nothing, or with a page: %j",
    async (text) => {
      const { api, scripted } = vendor(new Response(text), answer(200, { fine: true }));
      expect((await api.get("/thing")).json).toEqual({ fine: true });
      expect(scripted.rest()).toBe(0);
    },
  );

  it("asks again where an answer was cut short", async () => {
    const { api, scripted } = vendor(new Response('{"fine": tr'), answer(200, { fine: true }));
    expect((await api.get("/thing")).json).toEqual({ fine: true });
    expect(scripted.rest()).toBe(0);
  });

  it("takes a text for what it is where a text was asked for", async () => {
    const { api } = vendor(new Response("<own>"));
    expect(await api.get("/thing", { raw: true })).toMatchObject({ text: "<own>" });
  });

  it("sends a write again that a page was the answer to, and does not call it written", async () => {
    const pages = Array.from({ length: 4 }, () => new Response("<html>Sign in to the network</html>"));
    const { api, scripted } = vendor(...pages, new Response("<html>"));
    await expect(api.call("PUT", "/thing", { body: {} })).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: "Vendor answered 200 to PUT /thing with a page",
    });
    await expect(api.call("POST", "/thing", { body: {} })).rejects.toThrow("answered 200 to POST /thing with a page");
    expect(scripted.requests).toHaveLength(5);
  });

  it("does not send a write again for that: it was carried out", async () => {
    const { api, scripted } = vendor(new Response(""));
    expect(await api.call("PUT", "/thing", { body: {} })).toMatchObject({ status: 200, json: null });
    expect(scripted.requests).toHaveLength(1);
  });

  it.each([
    [401, "ERR_UNAUTHORISED", 4, "VENDOR_TOKEN is missing, wrong or expired"],
    [403, "ERR_UNAUTHORISED", 4, "the token in VENDOR_TOKEN lacks a permission"],
    [404, "ERR_NOT_FOUND", 1, "the name is wrong or the token in VENDOR_TOKEN may not see it"],
    [409, "ERR_VENDOR", 1, "run the command again"],
    [422, "ERR_VENDOR", 1, "run the command again"],
  ])("maps %i to %s with exit code %i and says what to do", async (status, code, exitCode, hint) => {
    const { api } = vendor(answer(status, { message: "said the vendor" }));
    const error = await api.get("/thing").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code,
      exitCode,
      message: `Vendor answered ${status} to GET /thing: said the vendor`,
    });
    expect((error as { hint?: string }).hint ?? "").toContain(hint);
  });

  it.each([
    [{ error: "plain" }, "plain"],
    [{ errors: [{ code: 10007, message: "not found" }] }, "not found (10007)"],
    [{ errors: [{ message: "no code" }] }, "no code"],
    [{ nothing: true }, ""],
  ])("quotes the vendor's sentence from %j", async (body, said) => {
    const { api } = vendor(answer(400, body));
    await expect(api.get("/thing")).rejects.toThrow(
      new RegExp(`400 to GET /thing${said ? `: ${said.replace(/[()]/g, String.raw`\$&`)}` : ""}$`),
    );
  });

  it("treats accepted statuses as answers", async () => {
    const { api } = vendor(answer(404), answer(422));
    expect((await api.get("/a", { accept: [404] })).status).toBe(404);
    expect((await api.call("POST", "/b", { accept: [422] })).status).toBe(422);
  });

  it("never repeats what was sent: no body, no query, no header, no control character of the vendor's text", async () => {
    const { api, context } = vendor(answer(400, { message: `bad \u001b[31m${CANARY} in body` }));
    context.redactor.register(CANARY);
    const error = (await api
      .call("POST", `/thing?value=${CANARY}`, { body: { value: CANARY } })
      .catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toBe("Vendor answered 400 to POST /thing: bad \uFFFD[31m[secret] in body");
    for (const form of formsOf(CANARY)) expect(`${error.message}${error.stack ?? ""}`).not.toContain(form);
  });

  it("shortens a long sentence of the vendor", async () => {
    const { api } = vendor(answer(400, { message: "x".repeat(5000) }));
    await expect(api.get("/thing")).rejects.toMatchObject({
      message: `Vendor answered 400 to GET /thing: ${"x".repeat(200)}`,
    });
  });
});

describe("retries", () => {
  it("waits as long as retry-after says, longer than a minute too", async () => {
    const { api, context, scripted } = vendor(
      answer(429, {}, { "retry-after": "2" }),
      answer(503, {}, { "retry-after": "300" }),
      answer(200, { ok: 1 }),
    );
    expect((await api.get("/thing")).status).toBe(200);
    expect(context.slept).toEqual([2000, 300_000]);
    expect(scripted.rest()).toBe(0);
  });

  it("waits by itself where retry-after is absent, not at all where it is negative or a date that is over", async () => {
    const { api, context } = vendor(
      answer(500),
      answer(500, {}, { "retry-after": "-5" }),
      answer(500, {}, { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }),
      answer(200),
    );
    await api.get("/thing");
    expect(context.slept).toEqual([250, 0, 0]);
  });

  it("gives up after three waits and says what the vendor answered last", async () => {
    const { api, context, scripted } = vendor(answer(503), answer(503), answer(503), answer(503, { message: "down" }));
    await expect(api.get("/thing")).rejects.toMatchObject({
      code: "ERR_VENDOR",
      message: "Vendor answered 503 to GET /thing: down",
    });
    expect(context.slept).toEqual([250, 1000, 3000]);
    expect(scripted.rest()).toBe(0);
  });

  it("repeats any call that was rate-limited, because it was not carried out", async () => {
    const { api } = vendor(
      answer(429),
      answer(403, {}, { "retry-after": "1" }),
      answer(403, {}, { "x-ratelimit-remaining": "0" }),
      answer(201),
    );
    expect((await api.call("POST", "/thing", { body: {} })).status).toBe(201);
  });

  it("calls a limit that does not end a rate limit, not a missing permission", async () => {
    const limited = () => answer(403, { message: "secondary rate limit" }, { "retry-after": "1" });
    const { api, context } = vendor(limited(), limited(), limited());
    await expect(api.get("/thing", { patienceMs: 2500 })).rejects.toMatchObject({
      code: "ERR_RATE_LIMITED",
      exitCode: 1,
      hint: "Vendor takes no call before 2026-11-22 12:00:03 UTC: run the command again then",
    });
    expect(context.slept).toEqual([1000, 1000]);
  });

  it("does not begin a wait that is longer than the call's patience", async () => {
    const { api, context } = vendor(
      answer(429, {}, { "retry-after": "3600" }),
      answer(503, {}, { "retry-after": "3600" }),
    );
    await expect(api.get("/thing")).rejects.toMatchObject({ code: "ERR_RATE_LIMITED" });
    await expect(api.get("/thing")).rejects.toMatchObject({ code: "ERR_VENDOR" });
    expect(context.slept).toEqual([]);
  });

  it("waits longer each time where a platform asks for no wait again and again", async () => {
    const now = () => answer(429, {}, { "retry-after": "0" });
    const { api, context } = vendor(now(), now(), now(), now(), answer(200));
    expect((await api.get("/thing")).status).toBe(200);
    expect(context.slept).toEqual([0, 1000, 2000, 4000]);
  });

  it.each(["99999999999999999", "31708800000"])(
    "survives a wait that no date can hold, or nobody outlives: %s s",
    async (after) => {
      const { api } = vendor(answer(429, {}, { "retry-after": after }));
      await expect(api.get("/thing")).rejects.toMatchObject({
        code: "ERR_RATE_LIMITED",
        hint: "wait some minutes, then run the command again",
      });
    },
  );

  it("knows a limit that stands on a page, as what is in front of a platform tells it", async () => {
    const page = "<html><body><h1>Error 1015</h1>You are being rate limited</body></html>";
    const { api, context } = vendor(new Response(page, { status: 403 }), answer(200));
    expect((await api.get("/thing")).status).toBe(200);
    expect(context.slept).toEqual([1000]);
  });

  it("takes the patience that its owner has at that moment where a call names none", async () => {
    let patience = 5000;
    const scripted = script(
      answer(429, {}, { "retry-after": "4" }),
      answer(200),
      answer(429, {}, { "retry-after": "4" }),
    );
    const context = testContext({ fetch: scripted.fetch });
    const options = { vendor: "V", baseUrl: "https://v.test", tokenVariable: "T", headers: {} };
    const api = new Api(context, { ...options, patience: () => patience });
    expect((await api.get("/thing")).status).toBe(200);
    patience = 3000;
    await expect(api.get("/thing")).rejects.toMatchObject({ code: "ERR_RATE_LIMITED" });
  });

  it("knows a limit that only the body names, and then waits a minute at GitHub, longer each time", async () => {
    const secondary = () =>
      answer(
        403,
        { message: "You have exceeded a secondary rate limit. Please wait a few minutes." },
        { "x-ratelimit-remaining": "4871" },
      );
    const scripted = script(secondary(), secondary(), answer(204, null));
    const context = testContext({ fetch: scripted.fetch });
    const api = githubApi(context, { baseUrl: "https://api.github.test", token: CANARY });
    expect((await api.call("PATCH", "/git/refs/x", { body: {}, patienceMs: 600_000 })).status).toBe(204);
    expect(context.slept).toEqual([60_000, 120_000]);
  });

  it("ends a write within two minutes, because whoever allowed it may have been overtaken since", async () => {
    const limited = () => answer(429, {}, { "retry-after": "50" });
    const { api, context } = vendor(limited(), limited(), limited());
    await expect(api.call("PUT", "/thing", { body: {} })).rejects.toMatchObject({ code: "ERR_RATE_LIMITED" });
    expect(context.slept).toEqual([50_000, 50_000]);
    const long = vendor(limited(), limited(), limited(), answer(200));
    expect((await long.api.get("/thing")).status).toBe(200);
  });

  it("does not send a write again after the machine slept in between", async () => {
    const scripted = script(reset());
    let wall = 0;
    const context = {
      ...testContext({ fetch: scripted.fetch, onSleep: () => (wall = 5 * 60_000) }),
      now: () => new Date(wall),
    };
    const api = new Api(context, { vendor: "V", baseUrl: "https://v.test", tokenVariable: "T", headers: {} });
    await expect(api.call("PUT", "/thing", { body: {} })).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(scripted.requests).toHaveLength(1);
  });

  it("asks again after the machine slept in between: a question is never too late", async () => {
    const scripted = script(reset(), answer(200, { fine: true }));
    let wall = 0;
    const context = {
      ...testContext({ fetch: scripted.fetch, onSleep: () => (wall = 24 * 3_600_000) }),
      now: () => new Date(wall),
    };
    const api = new Api(context, { vendor: "V", baseUrl: "https://v.test", tokenVariable: "T", headers: {} });
    expect((await api.get("/thing")).json).toEqual({ fine: true });
  });

  it("never gives a limit as the answer to a question that accepts 403", async () => {
    const { api } = vendor(answer(403, { message: "secondary rate limit" }), answer(403, { message: "no permission" }));
    expect((await api.get("/thing", { accept: [403] })).json).toEqual({ message: "no permission" });
  });

  it("says for whom it waits while it does", async () => {
    const waits: (readonly string[])[] = [];
    const scripted = script(answer(429, {}, { "retry-after": "90" }), answer(200));
    const context = testContext({ fetch: scripted.fetch, onSleep: () => waits.push(context.waits.current()) });
    const api = new Api(context, { vendor: "Vendor", baseUrl: "https://v.test", tokenVariable: "T", headers: {} });
    await api.get("/thing");
    expect(waits).toEqual([["Vendor: its rate limit, 90 s more"]]);
    expect(context.waits.current()).toEqual([]);
  });

  it("repeats a reset connection for a call that may be repeated", async () => {
    const { api, scripted } = vendor(reset(), reset(), answer(200));
    expect((await api.call("PUT", "/thing", { body: {} })).status).toBe(200);
    expect(scripted.rest()).toBe(0);
  });

  it("does not repeat a POST whose reply was lost, or that ended in 5xx, unless told that it may", async () => {
    const lost = vendor(reset());
    await expect(lost.api.call("POST", "/thing", { body: {} })).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      message: "Vendor did not answer POST /thing",
      hint: "check the network and api.vendor.test (ECONNRESET), then run the command again",
    });
    const failed = vendor(answer(502));
    await expect(failed.api.call("POST", "/thing", { body: {} })).rejects.toMatchObject({ code: "ERR_VENDOR" });
    const told = vendor(reset(), answer(502), answer(200));
    expect((await told.api.call("POST", "/thing", { body: {}, repeatable: true })).status).toBe(200);
  });

  it("does not repeat 4xx", async () => {
    const { api, context } = vendor(answer(400));
    await expect(api.get("/thing")).rejects.toMatchObject({ code: "ERR_VENDOR" });
    expect(context.slept).toEqual([]);
  });
});

describe("an interrupt", () => {
  it("stops before the next call and cuts a read short, but lets a write that is under way finish", async () => {
    const controller = new AbortController();
    const seen: boolean[] = [];
    const context = testContext({
      signal: controller.signal,
      fetch: async (_input, init) => {
        controller.abort();
        seen.push(init?.signal?.aborted ?? false);
        init?.signal?.throwIfAborted();
        return answer(200, { done: true });
      },
    });
    const api = new Api(context, { vendor: "Vendor", baseUrl: "https://v.test", tokenVariable: "T", headers: {} });
    expect((await api.call("PUT", "/thing", { body: {} })).json).toEqual({ done: true });
    expect(seen).toEqual([false]);
    await expect(api.get("/next")).rejects.toMatchObject({ name: "AbortError" });
    expect(seen).toHaveLength(1);
  });
});

describe("a multipart answer", () => {
  it("is given as its parts with the name of the main one", async () => {
    const form = new FormData();
    form.set("index.js", new Blob(["export default {}"]), "index.js");
    const { api } = vendor(new Response(form, { headers: { "cf-entrypoint": "index.js" } }));
    const got = await api.form("/content");
    expect(got.entrypoint).toBe("index.js");
    expect(await (got.form.get("index.js") as Blob).text()).toBe("export default {}");
  });
  it("is retried like every read when the vendor is briefly away", async () => {
    const form = new FormData();
    form.set("index.js", new Blob(["x"]), "index.js");
    const { api, scripted } = vendor(answer(503), reset(), new Response(form));
    expect((await api.form("/content")).entrypoint).toBe("index.js");
    expect(scripted.rest()).toBe(0);
  });
  it("says that the token lacks a permission when that is so", async () => {
    const { api } = vendor(answer(403));
    await expect(api.form("/content")).rejects.toMatchObject({ code: "ERR_UNAUTHORISED", exitCode: 4 });
  });
  it("is an error when something else comes", async () => {
    const { api } = vendor(answer(200));
    await expect(api.form("/content")).rejects.toMatchObject({ code: "ERR_VENDOR" });
  });
});

describe("a redirect", () => {
  it.each([301, 302, 303, 307, 308])("(%i) is not followed, not repeated, and says what to correct", async (status) => {
    const location = { location: "https://api.github.test/repositories/123" };
    const scripted = script(answer(status, { message: "Moved Permanently" }, location));
    const context = testContext({ fetch: scripted.fetch });
    const api = githubApi(context, { baseUrl: "https://api.github.test", token: CANARY });
    await expect(api.get("/repos/o/r")).rejects.toMatchObject({
      code: "ERR_NOT_FOUND",
      message: `GitHub answered ${status} to GET /repos/o/r: Moved Permanently: the repository was renamed or moved`,
      hint: "correct github.owner and github.repo in mcpist.config.ts",
    });
    expect(scripted.requests).toHaveLength(1);
  });
});

describe("a certificate of an authority that Node does not know", () => {
  const unknown = () =>
    new TypeError("fetch failed", {
      cause: Object.assign(new Error("self-signed certificate"), { code: "SELF_SIGNED_CERT_IN_CHAIN" }),
    });
  it("is said at once, as what it is, with what Node has to be told", async () => {
    const { api, context } = vendor(unknown());
    await expect(api.get("/thing")).rejects.toMatchObject({
      code: "ERR_MACHINE",
      message: "Vendor's certificate is of an authority that Node does not know (SELF_SIGNED_CERT_IN_CHAIN)",
      hint: 'export NODE_USE_SYSTEM_CA=1, or NODE_EXTRA_CA_CERTS="FILE" where only a file has it, then run the command again',
    });
    expect(context.slept).toEqual([]);
  });
  it("is no silence: that names what the system says", async () => {
    const refused = () =>
      new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) });
    const { api } = vendor(refused(), refused(), refused(), refused());
    await expect(api.get("/thing")).rejects.toMatchObject({
      code: "ERR_UNREACHABLE",
      hint: "check the network and api.vendor.test (ECONNREFUSED), then run the command again",
    });
  });
});

describe("a fault of this machine", () => {
  const failing = (code: string) =>
    Object.assign(new TypeError("fetch failed"), {
      cause: new AggregateError([Object.assign(new Error("connect"), { code })], "all failed"),
    });
  it.each([
    ["EMFILE", "this process has too few file descriptors (EMFILE)"],
    ["ENOSPC", "a disk of this machine is full (ENOSPC)"],
  ])("(%s) is not called the vendor's", async (code, message) => {
    const { api } = vendor(failing(code), failing(code), failing(code), failing(code));
    await expect(api.get("/thing")).rejects.toMatchObject({ code: "ERR_MACHINE", exitCode: 1, message });
  });
});

describe("time", () => {
  it("is longer than what the server was asked to hold the answer back for", async () => {
    // Longer than the call's own half minute: a signal that fired would have cut it.
    const asked: number[] = [];
    const original = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = (ms) => (asked.push(ms), original(ms));
    try {
      const { api } = vendor(answer(408), answer(200));
      await api.get("/wait", { accept: [408], serverMs: 60_000 });
      await api.get("/thing", { patienceMs: 4000 });
    } finally {
      AbortSignal.timeout = original;
    }
    expect(asked).toEqual([90_000, 4000]);
  });
});

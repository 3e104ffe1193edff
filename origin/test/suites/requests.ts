/** Requests with the right secret and the wrong shape: framing, encodings, batches, headers that lie. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GATEWAY_SECRET_HEADER } from "../../../contract/headers.ts";
import { METRICS_PATH } from "../../http/server.ts";
import type { TestDatabase } from "../database.ts";
import { modern, newRequestId, newUser, post, resultOf, startOrigin, type TestOrigin } from "../origin.ts";
import { HEAD, raw } from "../raw.ts";

export function describeRequests(database: () => TestDatabase): void {
  describe("requests that are not what they seem", () => {
    let origin: TestOrigin;
    let userId: string;
    beforeAll(async () => {
      origin = await startOrigin(database());
      userId = await newUser(database(), { grants: [["lab", "effect"]] });
    });
    afterAll(() => origin.stop());

    const good = (): string =>
      [
        `X-Gateway-Secret: ${origin.secret}`,
        `X-User-ID: ${userId}`,
        `X-Request-ID: ${newRequestId()}`,
        "Host: origin",
        "Accept: application/json, text/event-stream",
        "Content-Type: application/json",
      ].join("\r\n");
    const call = JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "call", arguments: { module: "lab", tool: "effect" } },
    });
    const smuggled = (): string => `POST /mcp HTTP/1.1\r\n${good()}\r\nContent-Length: ${call.length}\r\n\r\n${call}`;

    const bodies: readonly (readonly [string, () => string])[] = [
      [
        "Content-Length and Transfer-Encoding",
        () => `Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      ],
      ["two Content-Length", () => `Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
      ["a folded header", () => `X-Fold: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`],
      ["a bad chunk size", () => `Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
      ["a chunk size that overflows", () => `Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n`],
      ["a bare line feed after a header", () => `X-Bare: a\nContent-Length: 2\r\n\r\n{}`],
      ["an obscured Transfer-Encoding", () => `Transfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n{}`],
      ["an unknown Transfer-Encoding", () => `Transfer-Encoding: chunked, nope\r\nContent-Length: 2\r\n\r\n{}`],
    ];
    it.each(bodies)("answers 400 to %s, closes, and runs nothing that follows", async (_, rest) => {
      const before = origin.lab.effects.length;
      const { text, closed } = await raw(origin.port, `POST /mcp HTTP/1.1\r\n${good()}\r\n${rest()}${smuggled()}`);
      expect(text).toMatch(/HTTP\/1\.1 400 Bad Request\r\n/);
      expect(text).toMatch(/x-mcpist-origin: koyeb/i);
      expect(closed).toBe(true);
      expect(origin.lab.effects.length).toBe(before);
    });

    const odd: readonly (readonly [string, string, number])[] = [
      ["no Host", "GET /health HTTP/1.1\r\n\r\n", 400],
      ["an expectation that nobody knows", "POST /mcp HTTP/1.1\r\nHost: x\r\nExpect: nonsense\r\n\r\n", 403],
      ["an upgrade", "GET /mcp HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 403],
      ["an absolute URL of an open path", "GET http://x/health HTTP/1.1\r\nHost: x\r\n\r\n", 403],
      ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
      ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 403],
    ];
    it.each(odd)("answers %s by name, and lets nothing through", async (_, bytes, status) => {
      const { text } = await raw(origin.port, bytes, HEAD);
      expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*x-mcpist-origin: koyeb`, "i"));
    });

    it("refuses a tunnel", async () => {
      expect(await raw(origin.port, "CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n")).toEqual({ text: "", closed: true });
    });

    it("survives a body that is nested 200 000 deep, and one that names prototypes", async () => {
      const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
      const call = (params: string) =>
        `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"call","arguments":{"module":"lab","tool":"effect","params":${params}}}}`;
      expect(await resultOf(await post(origin, { userId, body: call(`{"text":${deep(50)}}`) }))).toMatchObject({
        isError: true,
      });
      expect((await post(origin, { userId, body: call(`{"text":${deep(200_000)}}`) })).status).toBe(413);
      const polluted = await resultOf(await post(origin, { userId, body: call('{"__proto__":{"text":"polluted"}}') }));
      expect(polluted.structuredContent).toMatchObject({ text: "" });
      expect(({} as Record<string, unknown>)["text"]).toBeUndefined();
      expect(origin.events("internal_error")).toEqual([]);
    });

    it("refuses headers over 32 KiB", async () => {
      const { text } = await raw(
        origin.port,
        `GET /health HTTP/1.1\r\nHost: origin\r\nX-Long: ${"a".repeat(33_000)}\r\n\r\n`,
      );
      expect(text).toMatch(/^HTTP\/1\.1 431 /);
    });

    const bom = Buffer.from([0xef, 0xbb, 0xbf]);
    it.each([
      ["a batch", `[${call}]`, 400, -32600],
      ["an empty batch", "[]", 400, -32600],
      ["a batch behind a byte order mark", Buffer.concat([bom, Buffer.from(`[${call}]`)]), 400, -32700],
      ["a byte order mark", Buffer.concat([bom, Buffer.from(call)]), 400, -32700],
      ["invalid UTF-8", Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]), 400, -32700],
      ["no JSON", "{", 400, -32700],
      ["an empty body", "", 400, -32700],
      ["many small objects", `[${"{},".repeat(500_000)}{}]`, 413, 41300],
      ["a well", "[".repeat(3_000_000), 413, 41300],
      ["more than 4 MiB", `"${"a".repeat(4 * 1024 * 1024)}"`, 413, 41300],
    ] as const)("refuses %s without running anything", async (_, body, status, code) => {
      const before = origin.lab.effects.length;
      const response = await post(origin, { userId, body });
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ error: { code } });
      expect(origin.lab.effects.length).toBe(before);
    });

    it("says of a batch what it is, and writes it down", async () => {
      // Of a user of its own: the lines of other batches may still be on their way.
      const own = await newUser(database());
      const response = await post(origin, { userId: own, body: `[${call}]` });
      expect(await response.json()).toMatchObject({ error: { data: { reason: "shape.batch" } } });
      const written = (): number => origin.events("batch_rejected").filter((event) => event["userId"] === own).length;
      await expect.poll(written).toBe(1);
    });

    it("refuses a body that grows beyond 4 MiB without having said so", async () => {
      const chunk = `100000\r\n${"a".repeat(0x100000)}\r\n`;
      const head = `POST /mcp HTTP/1.1\r\n${good()}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
      const { text } = await raw(origin.port, `${head}${chunk.repeat(5)}0\r\n\r\n`);
      expect(text).toMatch(/^HTTP\/1\.1 413 /);
    });

    it("reads a text of almost 4 MiB, and has room again once it is answered", async () => {
      const large = modern("tools/call", {
        name: "call",
        arguments: { module: "lab", tool: "read", params: { text: "a".repeat(4_000_000) } },
      });
      for (let i = 0; i < 3; i++) {
        const response = await post(origin, { userId, body: large });
        expect(response.status).not.toBe(503);
        await response.text();
      }
    });

    it("asks a user with a second large body to come back, and lets others and small ones through", async () => {
      const [greedy, other] = [await newUser(database()), await newUser(database())];
      const body = JSON.stringify(modern("ping", { padding: "a".repeat(3_000_000) }));
      const half = `POST /mcp HTTP/1.1\r\n${good().replace(userId, greedy)}\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, -1)}`;
      const slow = connect(origin.port, "127.0.0.1");
      slow.on("error", () => undefined);
      slow.write(half);
      // What has come of a body holds its room, and what was only announced holds none.
      const metrics = () =>
        fetch(origin.url + METRICS_PATH, { headers: { [GATEWAY_SECRET_HEADER]: origin.secret } }).then((response) =>
          response.text(),
        );
      await expect.poll(metrics).toMatch(/^mcpist_body_bytes\S* [23]\d{6}$/m);
      const busy = await post(origin, { userId: greedy, body });
      expect([busy.status, busy.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(await busy.json()).toMatchObject({ error: { code: 50305, data: { reason: "busy" } } });
      expect((await post(origin, { userId: other, body })).status).not.toBe(503);
      expect((await post(origin, { userId: greedy, body: modern("tools/list", {}) })).status).not.toBe(503);
      slow.destroy();
      await expect.poll(() => post(origin, { userId: greedy, body }).then(({ status }) => status)).not.toBe(503);
    });

    it("gives the place of a body that pauses for five seconds back, and takes no announcement for a body", async () => {
      const announced = connect(origin.port, "127.0.0.1");
      announced.on("error", () => undefined);
      let answer = "";
      announced.on("data", (chunk) => (answer += chunk.toString()));
      announced.write(`POST /mcp HTTP/1.1\r\n${good()}\r\nContent-Length: 4000000\r\n\r\n{`);
      const large = JSON.stringify(modern("ping", { padding: "a".repeat(3_000_000) }));
      expect((await post(origin, { userId, body: large })).status).not.toBe(503);
      await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 408 /);
      announced.destroy();
    });

    it("refuses encoded bodies and other media types", async () => {
      const encoded = await post(origin, { userId, body: call, headers: { "content-encoding": "gzip" } });
      expect(encoded.status).toBe(415);
      const text = await post(origin, { userId, body: call, headers: { "content-type": "text/plain" } });
      expect(text.status).toBe(415);
    });

    it.each([
      ["42", null],
      ['"x"', null],
      ["null", null],
      ['{"jsonrpc":"2.0","id":9007199254740993,"method":"tools/list"}', null],
      ['{"jsonrpc":"2.0","id":1e400,"method":"tools/list"}', null],
    ])("answers -32600 to %s, and under no id that was not sent", async (body, id) => {
      const text = await raw(
        origin.port,
        `POST /mcp HTTP/1.1\r\n${good()}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      ).then((answer) => answer.text);
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect(JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1))).toMatchObject({
        id,
        error: { code: -32600 },
      });
    });

    it.each(["GET", "DELETE", "PUT"])("answers 405 to %s", async (method) => {
      const response = await fetch(`${origin.url}/mcp`, {
        method,
        headers: { [GATEWAY_SECRET_HEADER]: origin.secret },
      });
      expect(response.status).toBe(405);
      expect(response.headers.get("allow")).toBe("POST");
    });

    it("does what the last of two equal JSON keys says, in every part of it", async () => {
      const body = `{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"get_module_schema","name":"call","arguments":{"module":"time","module":"lab","tool":"read","tool":"granted_never"}}}`;
      const response = await post(origin, { userId, body });
      expect(await response.text()).toContain("not available to you");
    });

    it("gives nothing to a caller whose headers and body disagree", async () => {
      const before = origin.lab.effects.length;
      const body = modern("tools/call", { name: "call", arguments: { module: "lab", tool: "effect" } });
      const base = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "call" };
      const attempts: readonly Record<string, string>[] = [
        { ...base, "mcp-name": "get_module_schema", "mcp-param-module": "lab", "mcp-param-tool": "effect" },
        { ...base, "mcp-method": "tools/list", "mcp-param-module": "lab", "mcp-param-tool": "effect" },
        { ...base, "mcp-param-module": "time", "mcp-param-tool": "effect" },
        { ...base, "mcp-param-module": "lab", "mcp-param-tool": "read" },
        { ...base, "mcp-param-module": "lab" },
        { ...base, "mcp-param-module": "lab", "mcp-param-tool": "=?base64?cmVhZA==?=" },
        { ...base, "mcp-param-module": "lab", "mcp-param-tool": "=?base64?PT9iYXNlNjQ/WldabVpXTjA/PQ==?=" },
      ];
      for (const headers of attempts) {
        const response = await post(origin, { userId, body, headers });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({ error: { code: -32020 } });
      }
      expect(origin.lab.effects.length).toBe(before);
    });
  });
}

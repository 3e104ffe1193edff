/** Shutdown: requests in flight finish, new ones are sent elsewhere, and nothing waits for ever. */
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { GATEWAY_SECRET_HEADER, READY_PATH, REQUEST_ID_HEADER, USER_ID_HEADER } from "../../../contract/headers.ts";
import type { TestDatabase } from "../database.ts";
import { callTool, newRequestId, newUser, resultOf, startOrigin, type TestOrigin } from "../origin.ts";

/** Sends on a fresh connection, and waits until the origin has read it. */
async function heard({ assembled }: TestOrigin, socket: Socket, text: string): Promise<void> {
  const accepted = once(assembled.origin.server, "connection");
  socket.write(text);
  const [peer] = (await accepted) as [Socket];
  await expect.poll(() => peer.bytesRead, { interval: 5 }).toBe(text.length);
}

export function describeDrain(database: () => TestDatabase): void {
  describe("shutdown", () => {
    afterEach(() => void vi.useRealTimers());

    it("lets a call in flight finish, keeps its result, and refuses new connections", async () => {
      const origin = await startOrigin(database(), { name: "drain" });
      const userId = await newUser(database(), { grants: [["lab", "wait"]] });
      const requestId = newRequestId();
      const running = callTool(origin, userId, "lab", "wait", {}, { requestId });
      await expect.poll(() => origin.lab.effects.length).toBe(1);
      const stopped = origin.stop(5_000);
      await expect(fetch(`${origin.url}/health`)).rejects.toThrow();
      origin.lab.release();
      expect(await resultOf(await running)).toMatchObject({ structuredContent: { done: true } });
      await stopped;
      const [row] = await database().admin.query("select state from mcpist.call_claims where request_id = $1::uuid", [
        requestId,
      ]);
      expect(row).toEqual({ state: "done" });
    });

    it("serves what still comes over a kept connection, says it is not ready, and closes that connection", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "wait"]] });
      const running = callTool(origin, userId, "lab", "wait");
      await expect.poll(() => origin.lab.effects.length).toBe(1);
      const socket = connect(origin.port, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      const closed = once(socket, "close");
      const half = `GET ${READY_PATH} HTTP/1.1\r\nHost: x\r\nX-Gateway-Secret: ${origin.secret}\r\nX-Half: `;
      await heard(origin, socket, half);
      const stopped = origin.stop(5_000);
      socket.write("1\r\n\r\n");
      await closed;
      expect(text).toMatch(/^HTTP\/1\.1 503 .*x-mcpist-deny: draining/is);
      expect(text).toMatch(/connection: close/i);
      origin.lab.release();
      expect((await running).status).toBe(200);
      await stopped;
    });

    it("sends elsewhere what comes over a kept connection when the calls that still run have long been alone", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "wait"]] });
      const running = callTool(origin, userId, "lab", "wait");
      await expect.poll(() => origin.lab.effects.length).toBe(1);
      const kept = async () => {
        const socket = connect(origin.port, "127.0.0.1");
        let text = "";
        socket.on("data", (chunk) => (text += chunk.toString()));
        const closed = once(socket, "close");
        const names = [GATEWAY_SECRET_HEADER, USER_ID_HEADER, REQUEST_ID_HEADER];
        const values = [origin.secret, userId, newRequestId()];
        const half = `POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n${names.map((name, i) => `${name}: ${values[i]}\r\n`).join("")}X-Half: `;
        await heard(origin, socket, half);
        return async (): Promise<string> => {
          socket.write("1\r\n\r\n{}");
          await closed;
          return text;
        };
      };
      const [soon, late] = [await kept(), await kept()];
      vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
      const stopped = origin.stop(30_000);
      const served = await soon();
      vi.advanceTimersByTime(4_000);
      vi.useRealTimers();
      const sent = await late();
      expect(served).toMatch(/^HTTP\/1\.1 \d/);
      expect(served).not.toMatch(/draining/);
      expect(sent).toMatch(/^HTTP\/1\.1 503 .*x-mcpist-deny: draining/is);
      origin.lab.release();
      expect((await running).status).toBe(200);
      await stopped;
    });

    it("ends at once when the last answer was a stream on a kept connection", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "wait"]] });
      const agent = new Agent({ keepAlive: true });
      const streamed = new Promise<string | undefined>((resolve, reject) => {
        const call = {
          jsonrpc: "2.0",
          id: 1,
          method: "tools/call",
          params: { name: "call", arguments: { module: "lab", tool: "wait" } },
        };
        const sent = request(
          `${origin.url}/mcp`,
          {
            method: "POST",
            agent,
            headers: {
              [GATEWAY_SECRET_HEADER]: origin.secret,
              [USER_ID_HEADER]: userId,
              [REQUEST_ID_HEADER]: newRequestId(),
              "content-type": "application/json",
              accept: "application/json, text/event-stream",
            },
          },
          (response) => {
            response.resume();
            response.on("end", () => resolve(response.headers.connection));
          },
        );
        sent.on("error", reject);
        sent.end(JSON.stringify(call));
      });
      await expect.poll(() => origin.lab.effects.length).toBe(1);
      await new Promise((done) => setTimeout(done, 50));
      const stopped = origin.stop(20_000);
      origin.lab.release();
      expect(await streamed).toBe("keep-alive");
      await stopped;
      agent.destroy();
    });

    it("cuts off what does not finish in time", async () => {
      const origin = await startOrigin(database());
      const userId = await newUser(database(), { grants: [["lab", "wait"]] });
      const running = callTool(origin, userId, "lab", "wait").catch(() => "cut");
      await expect.poll(() => origin.lab.effects.length).toBe(1);
      await origin.stop(100);
      expect(await running).toBe("cut");
    });
  });
}

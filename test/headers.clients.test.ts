/** The MDN HTTP Observatory's scanner, unchanged, at the real gateway behind TLS: the grade that the public site would give. */
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, request, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type HostCertificate, issueFor } from "../sandbox/vendors/koyeb/certificate.ts";
import { configOf } from "../worker/test/config.ts";
import { startGateway, startIssuer, type TestGateway, type TestIssuer } from "../worker/test/gateway.ts";

const SCANNER = join(homedir(), ".cache/mcpist/observatory/node_modules/@mdn/mdn-http-observatory/src/scan.js");
const ABSENT = !existsSync(SCANNER);
/** First byte of a TLS handshake. */
const HANDSHAKE = 0x16;

if (process.env["CI"] === "true" && ABSENT) {
  it("has the scanner", () => {
    expect(ABSENT).toBe(false);
  });
}

/** A public host on one port: TLS in front of `listener`, and every plain request sent to the same place with TLS. */
interface Front {
  readonly host: string;
  close(): Promise<void>;
}

async function startFront(certificate: HostCertificate, listener: RequestListener): Promise<Front> {
  const sockets = new Set<Socket>();
  const secure = createHttpsServer(certificate, listener);
  const plain = createHttpServer((incoming, outgoing) => {
    outgoing.writeHead(301, { location: `https://${incoming.headers.host}${incoming.url}` }).end();
  });
  const front = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    socket.once("data", (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      (first[0] === HANDSHAKE ? secure : plain).emit("connection", socket);
      process.nextTick(() => socket.resume());
    });
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  return {
    host: `localhost:${(front.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      front.close();
      await once(front, "close");
    },
  };
}

/** Passes a request on, as the platform's edge does after TLS. */
const passTo =
  (url: string): RequestListener =>
  (incoming, outgoing) => {
    const { method, headers } = incoming;
    const onward = request(url + (incoming.url ?? "/"), { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  };

describe("the MDN HTTP Observatory", () => {
  beforeEach(({ skip }) => skip(ABSENT, "@mdn/mdn-http-observatory is not installed"));
  let issuer: TestIssuer;
  let gateway: TestGateway;
  let certificate: HostCertificate;
  let folder: string;
  beforeAll(async () => {
    [issuer, certificate, folder] = await Promise.all([
      startIssuer(),
      issueFor("localhost"),
      mkdtemp(join(tmpdir(), "mcpist-headers-")),
    ]);
    gateway = await startGateway({ config: configOf([{ name: "koyeb", url: "http://127.0.0.1:9" }], issuer.url) });
    await writeFile(join(folder, "ca.pem"), certificate.ca);
  });
  afterAll(async () => {
    await gateway.close();
    await issuer.origin.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function grade(
    listener: RequestListener,
  ): Promise<{ readonly grade: string; readonly failed: readonly string[] }> {
    const front = await startFront(certificate, listener);
    try {
      const env = { NODE_EXTRA_CA_CERTS: join(folder, "ca.pem"), PATH: process.env["PATH"] };
      const { stdout } = await execa(process.execPath, [SCANNER, front.host], {
        env,
        extendEnv: false,
        verbose: "none",
        timeout: 150_000,
      });
      const { scan, tests } = JSON.parse(stdout) as {
        readonly scan: { readonly grade: string };
        readonly tests: Readonly<Record<string, { readonly pass: boolean }>>;
      };
      return { grade: scan.grade, failed: Object.keys(tests).filter((name) => tests[name]?.pass === false) };
    } finally {
      await front.close();
    }
  }

  it("gives the gateway A+, every test passed", async () => {
    expect(await grade(passTo(gateway.url))).toEqual({ grade: "A+", failed: [] });
  });

  it("gives a server without headers a bad grade", async () => {
    const { grade: given, failed } = await grade((_incoming, outgoing) => outgoing.end("hello"));
    expect(["D", "D-", "F"]).toContain(given);
    expect(failed).not.toEqual([]);
  });
});

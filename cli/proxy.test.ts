import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { networkEnv, proxyAdvice, proxyUse } from "./proxy.ts";

describe("the way out", () => {
  it("hands a child how it gets out and whom it trusts, in the spelling that was given, and nothing else", () => {
    const env = {
      HTTPS_PROXY: "http://proxy:1",
      no_proxy: "localhost",
      NODE_USE_ENV_PROXY: "1",
      NODE_USE_SYSTEM_CA: "1",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
      HTTP_PROXY: "",
      GH_TOKEN: "secret",
    };
    expect(networkEnv(env)).toEqual({
      HTTPS_PROXY: "http://proxy:1",
      no_proxy: "localhost",
      NODE_USE_ENV_PROXY: "1",
      NODE_USE_SYSTEM_CA: "1",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
    });
  });

  it.each([
    [{}, true, ""],
    [{ HTTPS_PROXY: "http://user:pass@proxy:1" }, true, "; calls go through the proxy of HTTPS_PROXY"],
    [
      { https_proxy: "http://proxy:1", HTTP_PROXY: "http://proxy:1" },
      false,
      "; HTTPS_PROXY and HTTP_PROXY is set, and this Node uses it only with NODE_USE_ENV_PROXY=1",
    ],
    [{ HTTPS_PROXY: "http://proxy:1", NODE_USE_ENV_PROXY: "1" }, false, "; calls go through the proxy of HTTPS_PROXY"],
  ])("is told by names, never by values: %j", (env, native, text) => {
    expect(proxyAdvice(env, native)).toBe(text);
  });

  it("are not taken from a joined sandbox, whose own GitHub serves gh alone", () => {
    const github = "http://127.0.0.1:4001";
    const vendors = ["gateway", "notion", "broker", "cloudflare", "koyeb", "fly", "issuer", "control"];
    const urls = {
      ...Object.fromEntries(vendors.map((name, index) => [name, `http://127.0.0.1:${4100 + index}`])),
      github,
      database: "postgres://a@127.0.0.1:4200/postgres?sslmode=disable",
      origins: { koyeb: "http://127.0.0.1:4300", fly: "http://127.0.0.1:4301" },
    };
    const joined = { MCPIST_SANDBOX: JSON.stringify(urls), HTTP_PROXY: github };
    expect(proxyUse(joined, true).variables).toEqual([]);
    expect(proxyUse({ ...joined, HTTPS_PROXY: "http://proxy.example:3128" }, true).variables).toEqual(["HTTPS_PROXY"]);
    expect(proxyUse({ ...joined, HTTP_PROXY: "http://127.0.0.1:3128" }, true).variables).toEqual(["HTTP_PROXY"]);
  });

  it("shows the proxy's host without its password", () => {
    expect(proxyUse({ HTTPS_PROXY: "http://user:pass@proxy.test:8080" }, true)).toEqual({
      variables: ["HTTPS_PROXY"],
      host: "proxy.test:8080",
      used: true,
    });
  });
});

const SCRIPT = `
  import { useProxy } from ${JSON.stringify(new URL("./proxy.ts", import.meta.url).href)};
  useProxy(process.env);
  for (const url of process.argv.slice(1)) process.stdout.write(await (await fetch(url)).text());
`;

describe("calls of the command", () => {
  it("go through the proxy without a word to Node, and this machine itself is asked directly", async () => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
      response.end("ok ");
    });
    // undici asks every proxy for a tunnel; what comes out of it is answered by the same server.
    server.on("connect", (request, socket) => {
      asked.push(`CONNECT ${request.url ?? ""}`);
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      server.emit("connection", socket);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const here = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ["--input-type=module", "-e", SCRIPT, "http://api.vendor.test/thing", `http://${here}/own`];
    const env = { PATH: process.env["PATH"] ?? "", HTTP_PROXY: `http://${here}`, NO_PROXY: "example.com" };
    const { stdout } = await execa(process.execPath, args, { env, extendEnv: false });
    server.closeAllConnections();
    server.close();
    expect(stdout).toBe("ok ok ");
    expect(asked).toEqual(["CONNECT api.vendor.test:80", "GET /thing", "GET /own"]);
  });
});

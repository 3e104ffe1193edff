import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";
import { isPublicAddress } from "./addresses.ts";
import { checkUrl, httpStatus, type HttpStatusSettings } from "./http_status.ts";

describe("public addresses", () => {
  it.each([
    ["8.8.8.8", true],
    ["203.0.114.1", true],
    ["172.32.0.1", true],
    ["2606:4700:4700::1111", true],
    ["0.0.0.0", false],
    ["10.1.2.3", false],
    ["100.64.0.1", false],
    ["127.0.0.1", false],
    ["127.255.255.254", false],
    ["169.254.169.254", false],
    ["172.16.0.1", false],
    ["172.31.255.255", false],
    ["192.168.1.1", false],
    ["192.0.2.1", false],
    ["198.18.0.1", false],
    ["224.0.0.1", false],
    ["255.255.255.255", false],
    ["::", false],
    ["::1", false],
    ["::ffff:127.0.0.1", false],
    ["::ffff:8.8.8.8", false],
    ["::7f00:1", false],
    ["64:ff9b::7f00:1", false],
    ["2002:7f00:1::", false],
    ["2001:0:7f00:1::", false],
    ["2001:db8::1", false],
    ["fc00::1", false],
    ["fd12:3456::1", false],
    ["fe80::1", false],
    ["fec0::1", false],
    ["ff02::1", false],
    ["localhost", false],
    ["", false],
    ["1.2.3", false],
  ])("%s: %s", (address, expected) => {
    expect(isPublicAddress(address)).toBe(expected);
  });
});

describe("module http_status", () => {
  let server: Server;
  let port: number;
  const seen: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.host}`);
      if (request.url === "/redirect") response.writeHead(302, { location: "http://127.0.0.1:1/" });
      else if (request.url === "/endless") {
        response.writeHead(200);
        response.write("x".repeat(1_000));
        return;
      } else response.writeHead(Number(request.url?.slice(1)) || 200);
      response.end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const check = (url: string, settings: HttpStatusSettings, params: Record<string, unknown> = {}) => {
    const [found] = httpStatus(settings).tools;
    if (!found) throw new Error("no tool");
    return found.run(found.input.parse({ url, ...params }), {
      signal: AbortSignal.timeout(3_000),
      now: () => new Date(),
      userId: "00000000-0000-4000-8000-000000000001",
      progress: null,
      requestId: "r",
      traceparent: null,
      token: async () => new Secret(""),
    });
  };
  const sandbox: HttpStatusSettings = { hosts: ["127.0.0.1"], allowLoopback: true };
  const production = (hosts: readonly string[], addresses: readonly string[] = ["127.0.0.1"]): HttpStatusSettings => ({
    hosts,
    allowLoopback: false,
    resolve: async () => addresses,
  });

  it("reports a status, also of redirects, errors and answers without an end", async () => {
    expect(await check(`http://127.0.0.1:${port}/204`, sandbox)).toMatchObject({ status: 204 });
    expect(await check(`http://127.0.0.1:${port}/503`, sandbox, { method: "GET" })).toMatchObject({ status: 503 });
    expect(await check(`http://127.0.0.1:${port}/redirect`, sandbox)).toMatchObject({ status: 302 });
    expect(await check(`http://127.0.0.1:${port}/endless`, sandbox, { method: "GET" })).toMatchObject({ status: 200 });
    expect(seen).toContain(`HEAD /204 127.0.0.1:${port}`);
  });

  it.each([
    ["another host", "https://example.org/"],
    ["a host that only begins like a listed one", "https://example.com.evil.org/"],
    ["a subdomain", "https://www.example.com/"],
    ["a trailing dot", "https://example.com./"],
    ["another port", "https://example.com:8443/"],
    ["a listed host as user name", "https://example.com@evil.org/"],
    ["credentials", "https://user:pass@example.com/"],
    ["another scheme", "ftp://example.com/"],
    ["a file", "file:///etc/passwd"],
    ["data", "data:text/plain,x"],
    ["a backslash", "https://evil.org\\@example.com/"],
    ["full-width letters of another name", "https://ｅｖｉｌ.org/"],
    ["loopback", "http://127.0.0.1/"],
    ["loopback in octal", "http://0177.0.0.1/"],
    ["loopback as one number", "http://2130706433/"],
    ["loopback in hex", "http://0x7f.1/"],
    ["loopback in IPv6", "http://[::1]/"],
    ["the metadata service", "http://169.254.169.254/latest/meta-data/"],
  ])("refuses %s", async (_, url) => {
    const asked: string[] = [];
    const resolve = async (name: string) => {
      asked.push(name);
      return ["127.0.0.1"];
    };
    await expect(check(url, { hosts: ["example.com"], allowLoopback: false, resolve })).rejects.toThrow(
      "not on the list",
    );
    // The list alone refuses it: where the name leads is not even asked.
    expect(asked).toEqual([]);
  });

  it("accepts spellings that are the listed host", () => {
    const settings = { hosts: ["example.com", "example.com:8443", "xn--bcher-kva.example"], allowLoopback: false };
    for (const url of [
      "https://EXAMPLE.com/",
      "https://example.com:443/",
      "http://example.com:80/",
      "https://ｅｘａｍｐｌｅ.com/",
      "https://example.com:8443/x",
      "https://bücher.example/",
    ])
      expect(checkUrl(url, settings).protocol).toMatch(/^https?:$/);
  });

  it.each([
    ["loopback", ["127.0.0.1"]],
    ["a private network", ["10.0.0.1"]],
    ["the metadata service", ["169.254.169.254"]],
    ["one public and one private address", ["93.184.215.14", "192.168.0.1"]],
    ["mapped loopback", ["::ffff:127.0.0.1"]],
  ])("refuses a listed name that resolves to %s", async (_, addresses) => {
    await expect(check("https://example.com/", production(["example.com"], addresses))).rejects.toThrow(
      "not on the list",
    );
  });

  it("refuses private addresses in production even when they are listed", async () => {
    const before = seen.length;
    for (const host of ["127.0.0.1", `127.0.0.1:${port}`, "10.0.0.1"])
      await expect(check(`http://${host}/`, production([host]))).rejects.toThrow("not on the list");
    expect(seen.length).toBe(before);
  });

  it("says only that a host did not answer", async () => {
    const failing: HttpStatusSettings = {
      hosts: ["example.com"],
      allowLoopback: false,
      resolve: () => Promise.reject(new Error("ENOTFOUND canary")),
    };
    await expect(check("https://example.com/", failing)).rejects.toThrow("The host did not answer.");
    await expect(check("http://127.0.0.1:1/", sandbox)).rejects.toThrow("The host did not answer.");
  });
});

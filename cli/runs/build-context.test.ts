import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { McpistError } from "../errors.ts";
import { emptyContext, layIn, openToAll } from "./build-context.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mcpist-build-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text = "x"): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
const at = (path: string): string => join(folder, path);

describe("the folder of a build context", () => {
  it("is made, and emptied the next time", () => {
    emptyContext(at("build/origin"), "build/origin", [folder]);
    write("build/origin/app/old.js");
    emptyContext(at("build/origin"), "build/origin", [folder]);
    expect(existsSync(at("build/origin/app"))).toBe(false);
  });
  it("may be an empty one of somebody else", () => {
    mkdirSync(at("empty"));
    emptyContext(at("empty"), "empty", [folder]);
    expect(existsSync(at("empty/.mcpist-build-context"))).toBe(true);
  });
  it.each([
    ["has a Dockerfile of one's own", "mine", "mine/Dockerfile"],
    ["has an origin of one's own", "mine", "mine/app/origin/start.js"],
  ])("stays when it %s", (_, out, file) => {
    write(file);
    expect(() => emptyContext(at(out), out, [folder])).toThrow("mine is not empty, and this command did not make it");
    expect(existsSync(at(file))).toBe(true);
  });
  it("leads out: otherOut, outOfProject", () => {
    write("mine/Dockerfile");
    const hintOf = (out: string) => {
      try {
        return emptyContext(at(out), out, [folder]);
      } catch (error) {
        return (error as McpistError).hint;
      }
    };
    expect(hintOf("mine")).toBe("name another folder with --out, or remove it");
    expect(hintOf(".")).toBe("name a folder of its own with --out");
    expect(hintOf("other")).toBeUndefined();
    rmSync(at("mine"), { recursive: true });
    expect(hintOf("mine")).toBeUndefined();
  });
  it.each([
    [".", "project"],
    ["..", ""],
    ["../link", "link"],
  ])("is never the project's own or one around it, by whatever name: %s", (shown, out) => {
    write("project/mcpist.config.ts");
    // Even where it carries the marker.
    write(".mcpist-build-context");
    write("project/.mcpist-build-context");
    symlinkSync(at("project"), at("link"));
    expect(() => emptyContext(at(out), shown, [at("project")])).toThrow("is the project's own folder or one around it");
    expect(existsSync(at("project/mcpist.config.ts"))).toBe(true);
  });
});

// Put together here, so that no scanner takes this file for one that holds a key.
const begin = (kind: string): string => `-----BEGIN ${kind}PRIVATE KEY-----\nMII\n`;
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

describe("a server's folder in an image", () => {
  const lay = () => layIn(at("weather"), at("out/app/servers/weather"), "weather", at("out"));
  const inImage = (path: string): boolean => existsSync(at(`out/app/servers/weather/${path}`));

  it("has what the server runs with", () => {
    write("weather/server.mjs", "run()");
    write("weather/data/ca.pem", CERTIFICATE);
    write("weather/.npmrc", "registry=https://npm.example.com/\n//npm.example.com/:_authToken=${NPM_TOKEN}\n");
    write("weather/environment.ts");
    expect(lay()).toEqual({ name: "weather", kind: "ready", left: [] });
    expect(readFileSync(at("out/app/servers/weather/server.mjs"), "utf8")).toBe("run()");
    expect([inImage("data/ca.pem"), inImage(".npmrc"), inImage("environment.ts")]).toEqual([true, true, true]);
  });
  it.each([
    [".env", "KEY=1"],
    [".env.production", "KEY=1"],
    [".envrc", "export KEY=1"],
    ["prod.env", "KEY=1"],
    ["deep/er/.env.local", "KEY=1"],
    [".dev.vars", "KEY=1"],
    [".npmrc", "//registry.example.org/:_authToken=npm_1"],
    [".npmrc", "_password = cGFzcw=="],
    [".netrc", "machine x password y"],
    [".pypirc", "[pypi]"],
    [".pgpass", "h:1:d:u:p"],
    [".git-credentials", "https://u:p@h"],
    ["terraform.tfstate", "{}"],
    ["terraform.tfstate.backup", "{}"],
    ["id_ed25519", begin("OPENSSH ")],
    ["certificates/server.pem", CERTIFICATE + begin("RSA ")],
    ["server.txt", begin("")],
    ["store.p12", "binary"],
  ])("has no %s, and says so", (path, text) => {
    write(`weather/${path}`, text);
    write("weather/server.mjs");
    expect(lay().left).toEqual([path]);
    expect([inImage(path), inImage("server.mjs")]).toEqual([false, true]);
  });
  it.each([".ssh", ".aws"])("has no %s either", (path) => {
    write(`weather/${path}/config`);
    expect(lay().left).toEqual([path]);
    expect(inImage(path)).toBe(false);
  });
  it.each([
    [".git/config", "server.mjs"],
    ["node_modules/.cache/x", "node_modules/a/index.js"],
    ["node_modules/a/index.js", "package-lock.json"],
    [".venv/bin/python", "requirements.txt"],
  ])("has no %s beside %s, silently", (path, other) => {
    write(`weather/${path}`);
    write(`weather/${other}`);
    expect(lay().left).toEqual([]);
    expect([inImage(path), inImage(other)]).toEqual([false, true]);
  });
  it("has links that stay inside, and none that lead out", () => {
    write("weather/lib/a.js");
    write("elsewhere/secret");
    symlinkSync("lib/a.js", at("weather/a.js"));
    symlinkSync(at("weather/lib/a.js"), at("weather/absolute.js"));
    symlinkSync(at("elsewhere"), at("weather/out"));
    symlinkSync("../elsewhere/secret", at("weather/lib/up"));
    symlinkSync("../weather/lib/a.js", at("weather/around"));
    symlinkSync("nowhere", at("weather/dangling"));
    expect([...lay().left].sort()).toEqual(["dangling", "lib/up", "out"]);
    expect(readlinkSync(at("out/app/servers/weather/a.js"))).toBe("lib/a.js");
    expect(readlinkSync(at("out/app/servers/weather/absolute.js"))).toBe("lib/a.js");
    expect(readlinkSync(at("out/app/servers/weather/around"))).toBe("lib/a.js");
    expect(inImage("out")).toBe(false);
  });
  it("is not laid into itself where it is the project", () => {
    write("server.mjs");
    emptyContext(at("build/origin"), "build/origin", [folder]);
    const laid = layIn(folder, at("build/origin/app/servers/own"), "own", at("build/origin"));
    expect(laid.left).toEqual([]);
    expect(existsSync(at("build/origin/app/servers/own/server.mjs"))).toBe(true);
    expect(existsSync(at("build/origin/app/servers/own/build/origin"))).toBe(false);
  });
});

describe("what a careful umask has made", () => {
  it("can be read by who runs in the image, and run where its owner could; no link leads the change out", () => {
    write("app/servers/weather/server.py");
    write("app/servers/weather/bin/tool");
    write("outside");
    symlinkSync("../outside", at("app/link"));
    const modes = [
      ["app", 0o700],
      ["app/servers", 0o700],
      ["app/servers/weather/server.py", 0o600],
      ["app/servers/weather/bin/tool", 0o700],
      ["outside", 0o600],
    ] as const;
    for (const [path, mode] of modes) chmodSync(at(path), mode);
    openToAll(at("app"));
    expect(modes.map(([path]) => [path, (statSync(at(path)).mode & 0o777).toString(8)])).toEqual([
      ["app", "755"],
      ["app/servers", "755"],
      ["app/servers/weather/server.py", "644"],
      ["app/servers/weather/bin/tool", "755"],
      ["outside", "600"],
    ]);
  });
});

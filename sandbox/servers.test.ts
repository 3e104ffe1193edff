import { expect, it } from "vitest";
import { localServers } from "./servers.ts";

const secrets = () => ({ KEY: { purpose: "a key", shape: "text" as const, to: ["origins" as const] } });

it("runs servers from the folders beside the configuration", () => {
  const servers = {
    near: { command: ["near"], folder: "servers/near" },
    far: { command: ["far"], folder: "/opt/far" },
    found: { command: ["found"] },
    remote: { url: "http://127.0.0.1:9000/mcp" },
  };
  expect(localServers({ servers, secrets: {} }, "/srv/project", true).servers).toEqual({
    near: { command: ["near"], folder: "/srv/project/servers/near" },
    far: { command: ["far"], folder: "/opt/far" },
    found: { command: ["found"] },
    remote: { url: "http://127.0.0.1:9000/mcp" },
  });
});

it("trusts programs where it cannot keep them apart: what they could read is the sandbox's own", () => {
  const servers = { near: { command: ["near"] }, remote: { url: "http://127.0.0.1:9000/mcp" } };
  expect(localServers({ servers, secrets: secrets() }, "/", false)).toEqual({
    servers: { near: { command: ["near"], trusted: true }, remote: { url: "http://127.0.0.1:9000/mcp" } },
    secrets: secrets(),
  });
});

import { describe, expect, it } from "vitest";
import { readDocument } from "./document.ts";
import { machinesDrift, plannedMachines, plannedServices, serviceDrift } from "./live-origins.ts";

/** As a provider shows it in a plan: every block a list, what is not said null. */
const DEFINITION = {
  name: "origin",
  type: "WEB",
  regions: ["fra"],
  instance_types: [{ type: "nano", scopes: null }],
  scalings: [{ min: 1, max: 1, scopes: null, targets: [] }],
  ports: [{ port: 8080, protocol: "http" }],
  routes: [{ path: "/", port: 8080 }],
  env: [
    { key: "GATEWAY_SECRET_A", secret: "mcpist-production-gateway-secret-a", value: null, scopes: null },
    { key: "PORT", value: "8080", secret: "", scopes: null },
  ],
  health_checks: [
    { grace_period: 10, restart_limit: 3, http: [{ port: 8080, path: "/health", method: "GET", headers: [] }] },
  ],
  docker: [{ image: "ghcr.io/acme/mcpist-origin:1.0.0", command: "", privileged: false, args: null }],
  strategy: null,
};
/** As Koyeb's API answers: objects, its own additions, some numbers as texts. */
const LIVE = {
  name: "origin",
  type: "WEB",
  regions: ["fra"],
  instance_types: [{ type: "nano", scopes: [] }],
  scalings: [{ min: 1, max: 1, scopes: [], targets: [] }],
  ports: [{ port: 8080, protocol: "http" }],
  routes: [{ path: "/", port: 8080, security_policies: {} }],
  env: [
    { key: "PORT", value: "8080", scopes: [] },
    { key: "GATEWAY_SECRET_A", secret: "mcpist-production-gateway-secret-a" },
  ],
  health_checks: [
    { grace_period: "10", restart_limit: "3", http: { port: "8080", path: "/health", method: "GET", headers: [] } },
  ],
  docker: { image: "ghcr.io/acme/mcpist-origin:1.0.0", image_registry_secret: "" },
  volumes: [],
};
const read = (resource: object) => {
  const resources = [{ mode: "managed", ...resource }];
  const document = readDocument(JSON.stringify({ planned_values: { root_module: { resources } } }));
  if (!document.ok) throw new TypeError(document.error);
  return document.value;
};
const [SERVICE] = plannedServices(
  read({ address: "koyeb_service.service", type: "koyeb_service", values: { id: "s-1", definition: [DEFINITION] } }),
);

describe("a Koyeb service", () => {
  const drift = (change: object, service: object = { status: "HEALTHY" }) =>
    SERVICE ? serviceDrift(SERVICE, { ...service }, { ...LIVE, ...change }) : ["there is none in the plan"];

  it("is as planned where the API says more, writes numbers as texts, and has variables in another order", () => {
    expect(drift({})).toEqual([]);
    expect(drift({ strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_ROLLING" } })).toEqual([]);
    expect(drift({ env: LIVE.env.map((variable) => ({ ...variable, scopes: ["region:fra"] })) })).toEqual([]);
    expect(drift({ config_files: [], proxy_ports: null, docker: { ...LIVE.docker, command: "", args: [] } })).toEqual(
      [],
    );
  });

  it.each([
    [{ docker: { image: "ghcr.io/acme/mcpist-origin:0.9.0" } }, ["it has another image"]],
    [{ regions: ["was"] }, ["it has another region"]],
    [{ regions: ["fra", "was"] }, ["it has another region"]],
    [{ scalings: [{ min: 0, max: 1 }], instance_types: [{ type: "small" }] }, ["it has another instance type, scale"]],
    [{ scalings: [{ max: 1 }] }, ["it has another scale"]],
    [{ health_checks: [] }, ["it has another health check"]],
    [
      { health_checks: [{ grace_period: "10", restart_limit: "3", tcp: { port: "8080" } }] },
      ["it has another health check"],
    ],
    [{ docker: null, git: { repository: "x" } }, ["it has another image"]],
    [{ strategy: { type: "DEPLOYMENT_STRATEGY_TYPE_IMMEDIATE" } }, ["it has another strategy"]],
    [{ ports: [...LIVE.ports, { port: 9000, protocol: "http" }] }, ["it has another port"]],
    [{ routes: [] }, ["it has another route"]],
    [
      { docker: { ...LIVE.docker, command: "sh", args: ["-c", "canary"], privileged: true, entrypoint: ["sh"] } },
      ["it has another image", "it has command, entrypoint, args, privileged of somebody's own"],
    ],
    [
      { config_files: [{ path: "/x", content: "canary" }], proxy_ports: [{ port: 8080, protocol: "tcp" }] },
      ["it has config files, proxy ports of somebody's own"],
    ],
    [{ volumes: [{ id: "v", path: "/data" }] }, ["it has volumes of somebody's own"]],
    [
      { scalings: [{ min: 1, max: 1, targets: [{ sleep_idle_delay: { deep_sleep_value: 300 } }] }] },
      ["it has scaling targets of somebody's own"],
    ],
    [
      { env: LIVE.env.map((variable) => ({ ...variable, scopes: ["region:was"] })) },
      ["it has scope of variables of somebody's own"],
    ],
    [{ env: LIVE.env.slice(0, 1) }, ["variable GATEWAY_SECRET_A is missing"]],
    [{ env: [...LIVE.env, { key: "DEBUG", value: "canary" }] }, ["variable DEBUG is new"]],
    [{ env: [{ key: "PORT", value: "canary" }, ...LIVE.env.slice(1)] }, ["variable PORT has another value"]],
    [
      { env: [...LIVE.env.slice(0, 1), { key: "GATEWAY_SECRET_A", value: "canary" }] },
      ["variable GATEWAY_SECRET_A has another value"],
    ],
  ])("that was changed by hand to %j is named by what differs, without a value", (change, sentences) => {
    expect(drift(change)).toEqual(sentences.map((sentence) => `koyeb_service.service: ${sentence}`));
  });

  it.each(["PAUSED", "PAUSING"])("that is %s is said", (status) => {
    expect(drift({}, { status })).toEqual(["koyeb_service.service: it is paused"]);
  });
});

const CHECK = { type: "http", port: 8080, path: "/health", interval: "10s", timeout: "2s", method: "GET" };
const SERVED = { protocol: "tcp", internal_port: 8080, autostop: "off", autostart: true };
const VALUES = {
  id: "148e21b7c03d89",
  app: "mcpist-origin",
  name: "mcpist-origin-1",
  region: "nrt",
  state: "started",
  image: "ghcr.io/acme/mcpist-origin:1.0.0",
  env: { PORT: "8080" },
  metadata: { fly_platform_version: "v2" },
  guest: { cpu_kind: "shared", cpus: 1, memory_mb: 512 },
  restart: { policy: "always" },
  service: [{ ...SERVED, concurrency: null, port: [{ port: 443, handlers: ["tls", "http"] }], check: [CHECK] }],
};
const CONFIG = {
  image: VALUES.image,
  env: { PORT: "8080" },
  metadata: { fly_platform_version: "v2", mcpist_mark: "ours" },
  guest: VALUES.guest,
  restart: { policy: "always" },
  services: [{ ...SERVED, ports: [{ port: 443, handlers: ["tls", "http"] }], checks: [CHECK] }],
  init: {},
};
const MACHINE = { id: VALUES.id, name: VALUES.name, region: "nrt", state: "started", config: CONFIG };

describe("Fly Machines", () => {
  const planned = plannedMachines(read({ address: "fly_machine.machine-1", type: "fly_machine", values: VALUES }));
  const drift = (machine: object, ...more: readonly Readonly<Record<string, unknown>>[]) =>
    machinesDrift(planned, [{ ...MACHINE, ...machine }, ...more]);

  it("are as planned with marks in their metadata, and beside one that was destroyed", () => {
    expect(drift({}, { id: "old", state: "destroyed" })).toEqual([]);
  });

  it.each([
    [{ state: "stopped" }, ["it is stopped"]],
    [{ state: "suspended" }, ["it is suspended"]],
    [{ cordoned: true }, ["it is cordoned, so it gets no requests"]],
    [{ region: "fra" }, ["it has another region"]],
    [
      {
        config: {
          ...CONFIG,
          init: { cmd: ["sh", "-c", "canary"] },
          files: [{ guest_path: "/x", raw_value: "Y2FuYXJ5" }],
        },
      },
      ["it has init, files of somebody's own"],
    ],
    [
      {
        config: { ...CONFIG, auto_destroy: true, schedule: "hourly", stop_config: { timeout: "1s" }, standbys: ["m"] },
      },
      ["it has schedule, standbys, stop config, auto destroy of somebody's own"],
    ],
    [
      {
        config: {
          ...CONFIG,
          services: [{ ...CONFIG.services[0], concurrency: { hard_limit: 2 }, min_machines_running: 1 }],
        },
      },
      ["it has concurrency, min machines running of somebody's own"],
    ],
    [{ config: { ...CONFIG, services: [{ ...CONFIG.services[0], autostop: "suspend" }] } }, ["it has another service"]],
    [{ config: { ...CONFIG, image: "other" } }, ["it has another image"]],
    [{ config: { ...CONFIG, guest: { ...CONFIG.guest, memory_mb: 256 } } }, ["it has another guest"]],
    [{ config: { ...CONFIG, services: [] } }, ["it has another service"]],
    [{ config: { ...CONFIG, restart: undefined, metadata: {} } }, ["it has another metadata, restart"]],
    [{ config: { ...CONFIG, env: { PORT: "canary" } } }, ["variable PORT has another value"]],
    [{ config: { ...CONFIG, env: {} } }, ["variable PORT is missing"]],
    [{ config: { ...CONFIG, env: { PORT: "8080", DEBUG: "canary" } } }, ["variable DEBUG is new"]],
    [{ config: null }, ["it has another image, metadata, guest, restart, service", "variable PORT is missing"]],
  ])("that were changed by hand to %j are named by what differs, without a value", (machine, sentences) => {
    expect(drift(machine)).toEqual(sentences.map((sentence) => `fly_machine.machine-1: ${sentence}`));
  });

  it.each([
    ["off", false, true],
    ["off", undefined, true],
    ["off", "off", true],
    ["off", true, false],
    ["off", "stop", false],
    ["stop", true, true],
    ["stop", false, false],
    ["suspend", "suspend", true],
    ["suspend", true, false],
  ])("planned with autostop %j answer %j, as Fly's API does: as planned %j", (wanted, answered, same) => {
    const service = [{ ...VALUES.service[0], autostop: wanted }];
    const values = { ...VALUES, service };
    const machines = plannedMachines(read({ address: "fly_machine.machine-1", type: "fly_machine", values }));
    const config = { ...CONFIG, services: [{ ...CONFIG.services[0], autostop: answered }] };
    expect(machinesDrift(machines, [{ ...MACHINE, config }])).toEqual(
      same ? [] : ["fly_machine.machine-1: it has another service"],
    );
  });

  it.each(["unreachable", "unknown"])("whose host is %s are not compared: their configuration is not given", (host) => {
    const away = { host_status: host, state: "stopped", config: null, incomplete_config: { image: "canary" } };
    expect(drift(away)).toEqual([`fly_machine.machine-1: its host is unreachable (host_status ${host})`]);
    expect(drift({ host_status: "ok" })).toEqual([]);
  });

  it.each(["65s", "1m5s"])("are as planned after a rotation, which gives them time to end: %s", (timeout) => {
    expect(drift({ config: { ...CONFIG, stop_config: { signal: "SIGTERM", timeout } } })).toEqual([]);
  });

  it.each([{ signal: "SIGKILL", timeout: "65s" }, { signal: "SIGTERM", timeout: "5s" }, { timeout: "65s" }])(
    "are not as planned where somebody gave them another way to end: %j",
    (stop) => {
      const said = "fly_machine.machine-1: it has stop config of somebody's own";
      expect(drift({ config: { ...CONFIG, stop_config: stop } })).toEqual([said]);
    },
  );

  it("that nobody planned are named", () => {
    expect(drift({}, { id: "9080e6f3", state: "started" })).toEqual([
      "app mcpist-origin: Machine 9080e6f3 is in no plan",
    ]);
  });
});

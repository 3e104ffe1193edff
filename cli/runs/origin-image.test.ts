import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dockerfileOf } from "./origin-image.ts";

const TEMPLATE = readFileSync(new URL("../../package/templates/Dockerfile", import.meta.url), "utf8");
const of = (parts: Partial<Parameters<typeof dockerfileOf>[1]>): readonly string[] =>
  dockerfileOf(TEMPLATE, { modules: false, servers: [], programs: false, separated: false, ...parts })
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
const kinds = (lines: readonly string[], instruction: string) =>
  lines.filter((line) => line.startsWith(`${instruction} `));

describe("the recipe of an origin's image", () => {
  it("is one stage that does not run as root, where nothing has to be installed", () => {
    const lines = of({ servers: [{ name: "weather", kind: "ready" }] });
    expect(kinds(lines, "FROM")).toEqual(["FROM node:24.21.0-bookworm-slim"]);
    expect(kinds(lines, "USER")).toEqual(["USER 10001:10001"]);
    expect(kinds(lines, "ENTRYPOINT")).toEqual([]);
    expect(kinds(lines, "ENV")).toEqual(["ENV NODE_ENV=production"]);
  });

  it("installs what servers need while it is built, in a stage of its own", () => {
    const lines = of({
      servers: [
        { name: "weather", kind: "python" },
        { name: "notes", kind: "node" },
        { name: "clock", kind: "ready" },
      ],
    });
    expect(lines.slice(0, 8)).toEqual([
      "FROM node:24.21.0-bookworm-slim AS servers",
      "RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*",
      "COPY app/servers /app/servers",
      "RUN python3 -m venv /app/servers/weather/.venv && /app/servers/weather/.venv/bin/pip install --no-cache-dir -r /app/servers/weather/requirements.txt",
      "RUN cd /app/servers/notes && npm ci --omit=dev --ignore-scripts",
      "FROM node:24.21.0-bookworm-slim",
      "RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*",
      expect.stringMatching(/^RUN rm -rf .*npm/),
    ]);
    expect(kinds(lines, "COPY").slice(1)).toEqual([
      "COPY --chown=0:0 app /app",
      "COPY --from=servers --chown=0:0 /app/servers /app/servers",
    ]);
  });

  it("gives servers ids of their own by a launcher that keeps three rights, and no more", () => {
    const lines = of({ programs: true, separated: true });
    expect(kinds(lines, "USER")).toEqual([]);
    expect(JSON.parse(kinds(lines, "ENTRYPOINT")[0]?.slice("ENTRYPOINT ".length) ?? "")).toEqual([
      "setpriv",
      "--reuid=10001",
      "--regid=10001",
      "--clear-groups",
      "--inh-caps=-all,+setuid,+setgid,+kill",
      "--ambient-caps=-all,+setuid,+setgid,+kill",
      "--bounding-set=-all,+setuid,+setgid,+kill",
      "--securebits=+noroot,+noroot_locked",
      "--",
      "tini",
      "-s",
      "--",
    ]);
    expect(kinds(lines, "CMD")).toHaveLength(1);
  });

  it("starts an origin with programs, trusted ones too, under an init that collects what they leave behind", () => {
    const lines = of({ programs: true });
    expect(lines.slice(1, 2)).toEqual([
      "RUN apt-get update && apt-get install -y --no-install-recommends tini=0.19.0-* && rm -rf /var/lib/apt/lists/*",
    ]);
    expect([...kinds(lines, "ENTRYPOINT"), ...kinds(lines, "USER")]).toEqual([
      'ENTRYPOINT ["tini","-s","--"]',
      "USER 10001:10001",
    ]);
    const python = of({ programs: true, servers: [{ name: "w", kind: "python" }] });
    expect(kinds(python, "RUN")).toContain(
      "RUN apt-get update && apt-get install -y --no-install-recommends python3 tini=0.19.0-* && rm -rf /var/lib/apt/lists/*",
    );
  });

  it.each([{}, { programs: true, separated: true, servers: [{ name: "w", kind: "python" as const }] }])(
    "takes the set-user-id bit from every program, after the last package came and before a file of ours does: %j",
    (parts) => {
      const lines = dockerfileOf(TEMPLATE, { modules: false, servers: [], programs: false, separated: false, ...parts })
        .replaceAll("\\\n", "")
        .split("\n");
      const final = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
      const taken = final.findIndex((line) =>
        /^RUN rm -rf \/usr\/local\/lib\/node_modules .* && find \/ -xdev -perm \/6000 -type f -exec chmod a-s \{\} \+$/.test(
          line,
        ),
      );
      expect(taken).toBeGreaterThan(0);
      expect(final.slice(taken + 1).filter((line) => /^(RUN|ADD) /.test(line))).toEqual([]);
      expect(final.findIndex((line) => line.startsWith("COPY "))).toBeGreaterThan(taken);
    },
  );

  it("names the file of one's own modules only where there is one", () => {
    expect(kinds(of({ modules: true }), "ENV")).toEqual(["ENV NODE_ENV=production MCPIST_MODULES=/app/modules.mjs"]);
  });

  it.each([
    {},
    { programs: true, separated: true },
    { modules: true, servers: [{ name: "w", kind: "python" as const }] },
  ])("leaves no place unfilled, and holds no secret: %j", (parts) => {
    expect(of(parts).join("\n")).not.toMatch(/@\w+@|SECRET|TOKEN|PASSWORD/);
  });
});

/** What is deployed: the synthesized Terraform for checkov, and TLS as sslscan sees it from outside. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { isRecord } from "../../../contract/json.ts";
import { issueFor } from "../../../sandbox/vendors/koyeb/certificate.ts";
import { synthesizedStacks } from "../../../stacks/manifest.ts";
import { ROOT } from "../repository.ts";
import type { Look, Scanner } from "./scanner.ts";
import { absent, find, inFolder, run, versionOf } from "./tools.ts";

/** Checks that do not fit, each with its reason. */
export const SKIPPED: readonly string[] = [
  // Whether a repository is public is its owner's decision; the stack leaves it as it is.
  "CKV_GIT_1",
];

/** checkov reads neither lists of providers nor comments, imports and outputs, which the synthesis writes. */
function legible(document: unknown): unknown {
  if (!isRecord(document)) return document;
  const { provider, resource, data } = document;
  const plain = (value: unknown): unknown =>
    isRecord(value)
      ? Object.fromEntries(Object.entries(value).flatMap(([key, item]) => (key === "//" ? [] : [[key, plain(item)]])))
      : Array.isArray(value)
        ? value.map(plain)
        : value;
  const providers = isRecord(provider)
    ? Object.fromEntries(
        Object.entries(provider).map(([name, given]) => [name, Array.isArray(given) ? given[0] : given]),
      )
    : {};
  return plain({ provider: providers, resource, ...(data === undefined ? {} : { data }) });
}

function checkov(folder: string): Look {
  const { stdout } = run(
    "checkov",
    ["-d", ".", "--framework", "terraform_json", "--quiet", "--compact", "-o", "json"].concat([
      "--skip-check",
      SKIPPED.join(","),
    ]),
    folder,
  );
  const { results, summary } = JSON.parse(stdout) as {
    readonly results: { readonly failed_checks: readonly { check_id: string; file_path: string; resource: string }[] };
    readonly summary: { readonly passed: number; readonly failed: number; readonly parsing_errors: number };
  };
  if (summary.parsing_errors > 0) throw new Error("checkov could not read a document");
  return {
    inspected: summary.passed + summary.failed,
    findings: results.failed_checks.map(
      ({ check_id: id, file_path: path, resource }) => `${path}: ${id} at ${resource}`,
    ),
  };
}

function lookAtStacks(): Look {
  return inFolder((folder) => {
    const outdir = join(folder, "out");
    const { code } = run("node", ["stacks/main.ts"], ROOT, { CDKTF_OUTDIR: outdir });
    if (code !== 0) throw new Error("the stacks could not be synthesized");
    for (const { file } of synthesizedStacks(outdir)) {
      const into = join(folder, "in", file.slice(outdir.length).replaceAll("/", "_"));
      mkdirSync(into, { recursive: true });
      writeFileSync(join(into, "main.tf.json"), JSON.stringify(legible(JSON.parse(readFileSync(file, "utf8")))));
    }
    return checkov(join(folder, "in"));
  });
}

interface Tls {
  /** Old protocols that are spoken, and what else is wrong. */
  readonly findings: readonly string[];
  /** Ciphers that are offered. */
  readonly ciphers: number;
}

/** @param host `name:port` */
async function sslscan(host: string): Promise<Tls> {
  const path = find("sslscan");
  if (path === null) throw new Error("sslscan is not installed");
  const child = spawn(path, ["--no-colour", "--xml=-", host], {
    stdio: ["ignore", "pipe", "ignore"],
    timeout: 120_000,
  });
  let xml = "";
  child.stdout.on("data", (chunk: Buffer) => (xml += chunk.toString()));
  await once(child, "close");
  const protocols = [...xml.matchAll(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g)].map(
    ([, type, version]) => `${type} ${version}`,
  );
  const ciphers = [...xml.matchAll(/<cipher status="\w+" sslversion="[^"]+" bits="(\d+)" cipher="([^"]+)"/g)];
  return {
    findings: [
      ...protocols.filter((name) => name !== "tls 1.2" && name !== "tls 1.3").map((name) => `${host}: speaks ${name}`),
      ...ciphers
        .filter(([, bits, name = ""]) => Number(bits) < 128 || /RC4|3DES|NULL|EXP/.test(name))
        .map(([, , name]) => `${host}: offers ${name}`),
    ],
    ciphers: ciphers.length,
  };
}

/** A listener on loopback, for as long as `work` takes. */
async function listening<Made>(options: object, work: (host: string) => Promise<Made>): Promise<Made> {
  const server = createServer({ ...(await issueFor("localhost")), ...options }, (_request, response) => response.end());
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await work(`localhost:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const OLD = { minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
/** A deployed gateway, `name:port`. */
const HOST = process.env["MCPIST_SCAN_HOST"];

export const DEPLOYED: readonly Scanner[] = [
  {
    name: "checkov, synthesized stacks",
    absent: absent("checkov"),
    version: () => versionOf("checkov", "--version"),
    look: lookAtStacks,
    bad: () =>
      inFolder((folder) => {
        const branch = { repository_id: "r", pattern: "main", require_signed_commits: false };
        const secret = { repository: "r", environment: "e", secret_name: "S", plaintext_value: "hunter2" };
        writeFileSync(
          join(folder, "main.tf.json"),
          JSON.stringify({
            resource: { github_branch_protection: { b: branch }, github_actions_environment_secret: { s: secret } },
          }),
        );
        const flagged = checkov(folder).findings.map((text) => /CKV\w+/.exec(text)?.[0] ?? "");
        return { wanted: ["CKV_GIT_4", "CKV_GIT_5", "CKV_GIT_6"], flagged };
      }),
  },
  {
    name: "TLS of a deployed host, sslscan",
    absent: () =>
      absent("sslscan")() ??
      (HOST === undefined ? "nothing is deployed; MCPIST_SCAN_HOST=name:443 names a host" : null),
    version: () => versionOf("sslscan", "--version"),
    async look() {
      const { findings, ciphers } = await sslscan(HOST ?? "");
      return { inspected: ciphers, findings };
    },
    bad: oldListener,
  },
  {
    name: "TLS of the front that local scans use, sslscan",
    absent: absent("sslscan"),
    version: () => versionOf("sslscan", "--version"),
    look: () =>
      listening({}, async (host) => {
        const { findings, ciphers } = await sslscan(host);
        return { inspected: ciphers, findings };
      }),
    bad: oldListener,
  },
];

async function oldListener() {
  const { findings } = await listening(OLD, sslscan);
  return { wanted: ["tls 1.0", "tls 1.1"], flagged: findings.map((text) => text.slice(text.indexOf("tls"))) };
}

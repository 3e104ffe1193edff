import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeClients } from "../../test/client.ts";
import { ask, caller, FAKE_ORIGIN, fastContext, TOKENS, until } from "../../test/harness.ts";
import type { VendorContext } from "../vendor.ts";
import { type Koyeb, startKoyeb } from "./koyeb.ts";

const VERSION = "0.1.11";
const PLATFORM = `linux_${process.arch === "arm64" ? "arm64" : "amd64"}`;

let koyeb: Koyeb;
let context: VendorContext;
let folder: string;
let proxy: { readonly proxyUrl: string; readonly caFile: string };

beforeAll(async () => {
  context = fastContext();
  koyeb = await startKoyeb(context, { program: FAKE_ORIGIN });
  proxy = await koyeb.connectProxy();
  folder = await mkdtemp(join(tmpdir(), "mcpist-terraform-"));
  await caller(() => koyeb.url, TOKENS.koyeb)("POST", "/v1/secrets", {
    name: "slot-a",
    type: "SIMPLE",
    value: "canary-8a11e5",
  });
});
afterAll(async () => {
  expect(context.faults.calls.filter(({ known }) => !known)).toEqual([]);
  await rm(folder, { recursive: true, force: true });
  await koyeb.close();
});

const stack = (port: number): string => `
terraform {
  required_providers {
    koyeb = { source = "koyeb/koyeb", version = "${VERSION}" }
  }
}
resource "koyeb_app" "app" {
  name = "mcpist"
}
resource "koyeb_service" "origin" {
  app_name = koyeb_app.app.name
  definition {
    name    = "origin"
    type    = "WEB"
    regions = ["fra"]
    instance_types {
      type = "free"
    }
    scalings {
      min = 1
      max = 1
    }
    env {
      key    = "GATEWAY_SECRET_A"
      secret = "slot-a"
    }
    env {
      key   = "SERVICE_PORT"
      value = "${port}"
    }
    ports {
      port     = ${port}
      protocol = "http"
    }
    routes {
      path = "/"
      port = ${port}
    }
    health_checks {
      http {
        path = "/health"
        port = ${port}
      }
    }
    docker {
      image = "sandbox.local/origin"
    }
  }
}
`;

const environment = () => ({
  TF_CLI_CONFIG_FILE: join(folder, "terraformrc"),
  CHECKPOINT_DISABLE: "1",
  KOYEB_TOKEN: TOKENS.koyeb,
  HTTPS_PROXY: proxy.proxyUrl,
  SSL_CERT_FILE: proxy.caFile,
});
describeClients(["terraform", "terraform-provider-koyeb"], environment, (run, [, provider = ""]) => {
  const terraform = (...args: string[]) => run([`-chdir=${folder}`, ...args, "-no-color"]);

  it("creates, plans nothing, updates and destroys, and keeps the secret's value out of its state", async () => {
    const home = join(folder, "mirror", "registry.terraform.io", "koyeb", "koyeb", VERSION, PLATFORM);
    await mkdir(home, { recursive: true });
    await copyFile(provider, join(home, `terraform-provider-koyeb_v${VERSION}`));
    await writeFile(
      join(folder, "terraformrc"),
      `provider_installation {\n  filesystem_mirror {\n    path = "${join(folder, "mirror")}"\n  }\n}\n`,
    );
    await writeFile(join(folder, "main.tf"), stack(8000));
    expect(await terraform("init")).toMatchObject({ exitCode: 0 });
    expect(await terraform("apply", "-auto-approve")).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("2 added"),
    });
    expect(await terraform("plan", "-detailed-exitcode")).toMatchObject({ exitCode: 0 });
    const url = await koyeb.edgeUrl("mcpist", "origin");
    const serves = (port: string) =>
      until(async () => (await ask(url))["environment"]?.["SERVICE_PORT"] === port || null);
    await serves("8000");
    expect((await ask(url))["environment"]["GATEWAY_SECRET_A"]).toBe("canary-8a11e5");
    await writeFile(join(folder, "main.tf"), stack(8001));
    expect(await terraform("apply", "-auto-approve")).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("1 changed"),
    });
    await serves("8001");
    expect(await readFile(join(folder, "terraform.tfstate"), "utf8")).not.toContain("canary-8a11e5");
    expect(await terraform("destroy", "-auto-approve")).toMatchObject({
      exitCode: 0,
      text: expect.stringContaining("2 destroyed"),
    });
  }, 120_000);
});

/** What a command leaves at the four platforms of a wire world. */
import { LIVE_VARIABLE, rotationRef } from "../../contract/secret-names.ts";
import type { Version } from "../../sandbox/vendors/cloudflare/model.ts";
import { koyebSettled } from "./koyeb-service.ts";
import { kidOfText } from "./origin-targets.ts";
import { APP, textOf, type WireWorld } from "./wire-world.ts";

/** What there is at the four platforms after everything has settled, without values, ids and dates: the same after every rotation. */
export async function traceOf(world: WireWorld): Promise<unknown> {
  const { github, at, service } = world;
  const list = async (path: string, key: string) =>
    (await at.koyeb("GET", path)).json[key] as Record<string, unknown>[];
  const deployments = () => list(`/v1/deployments?service_id=${service}&limit=100`, "deployments");
  await koyebSettled(at.koyeb, service);
  const machines = (await at.fly("GET", `/apps/${APP}/machines`)).json as readonly Record<string, unknown>[];
  const leases = await Promise.all(
    machines.map(({ id }) => at.fly("GET", `/apps/${APP}/machines/${String(id)}/lease`)),
  );
  const { git, environments } = github.repository;
  const tip = git.commits.get(git.refs.get(rotationRef("production")) ?? "");
  const entry = JSON.parse(tip?.message.replace(/^[^{]*/, "") ?? "{}") as {
    event: string;
    leaseSeconds: number;
    state: Record<string, unknown>;
  };
  const vault = environments.get("production")?.vault;
  const worker = world.script();
  const shares = worker.deployments.at(-1)?.shares ?? [];
  const live = textOf(worker, shares[0]?.versionId ?? "");
  const liveKid = await kidOfText(live);
  const named = (text: string): string =>
    text === live ? "live" : text.startsWith("revoked:") ? "tombstone" : "other";
  const plain = (version: Version | undefined) => ({
    etag: version?.code.etag,
    bindings: version?.bindings.map(({ name, type, text }) => [
      name,
      type,
      type === "secret_text" ? named(String(text)) : text,
    ]),
  });
  return {
    github: {
      refs: [...git.refs.keys()].toSorted(),
      secrets: vault?.list().map(({ name }) => name),
      slots: ["A", "B"].map((slot) => named(github.reveal(`GATEWAY_SECRET_${slot}`, "production") ?? "")).toSorted(),
      variables: [...(vault?.variables.values() ?? [])].map(({ name, value }) => [
        name,
        name === LIVE_VARIABLE ? value.slice(2) === liveKid : value,
      ]),
      lock: entry.leaseSeconds,
      candidate: entry.state["candidate"],
      seizedAt: entry.state["seizedAt"] ?? null,
      proven: entry.state["proven"],
    },
    cloudflare: {
      workers: [...world.cloudflare.account.scripts.keys()],
      shares: shares.map(({ percentage }) => percentage),
      deployed: plain(worker.versions.find(({ id }) => id === shares[0]?.versionId)),
      latest: plain(worker.versions.at(-1)),
      schedules: worker.schedules,
    },
    koyeb: {
      secrets: (await list("/v1/secrets?limit=100", "secrets"))
        .map(({ name, type }) => `${String(name)} ${String(type)}`)
        .toSorted(),
      services: (await list("/v1/services?limit=100", "services")).length,
      definition: (await deployments())[0]?.["definition"],
    },
    fly: {
      secrets: ((await at.fly("GET", `/apps/${APP}/secrets`)).json["secrets"] as { name: string }[])
        .map(({ name }) => name)
        .toSorted(),
      machines: machines.map(({ state, cordoned, config }) => {
        const { metadata, ...rest } = config as { metadata: Record<string, string> };
        return { state, cordoned, rest, metadata: Object.keys(metadata) };
      }),
      // One of this tool that a killed run left ends by itself within a minute, and stops no other run.
      leases: leases.filter(({ json }) => json["data"] && json["data"]["description"] !== "mcpist secrets rotate")
        .length,
    },
    refused: await world.refused(),
  };
}

/**
 * Can refusals be told apart by time? Every kind, interleaved in random order over one connection, each compared with a name that does
 * not exist: the probability that one is slower than the other. 0.5 = no.
 */
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { auc, once, type Make } from "./load.ts";
import { call, nativeCall, nativePage, schema } from "./servers.ts";

/** Run by the database's owner before the origin starts: users without GitHub, one tool revoked from them, one switched off for all. */
export const REFUSALS_SQL = `
delete from mcpist.grants where module_id in ('github', 'notion');
update mcpist.grants set revoked_at = now(), revoked_by = 'bench' where module_id = 'http_status';
select mcpist.set_tool_enabled('time', 'convert', false, 'bench');`;

type Kinds = Readonly<Record<string, Readonly<Record<string, Make>>>>;

/** Refused calls and refused schemas: the two answers have their own shape, so each has its own name that does not exist. */
const META: Kinds = {
  call: {
    nonexistent: call("time", "no_such_tool_1"),
    "module nonexistent": call("no_such_module", "no_such_tool_1"),
    hidden: call("github", "comment"),
    decoy: call("time", "set_system_clock"),
    revoked: call("http_status", "check"),
    "switched off": call("time", "convert"),
  },
  schema: { nonexistent: schema("no_such_module"), hidden: schema("github"), revoked: schema("http_status") },
};

/** The same of natively presented tools; and pages that begin where a hidden tool would stand, or none. */
const NATIVE: Kinds = {
  call: {
    nonexistent: nativeCall("time__no_such_tool_1"),
    "module nonexistent": nativeCall("no_such_module__no_such_tool_1"),
    hidden: nativeCall("github__comment"),
    "hidden, shortened": nativeCall("github__comment_0123456789ab"),
    decoy: nativeCall("time__set_system_clock"),
    revoked: nativeCall("http_status__check"),
    "switched off": nativeCall("time__convert"),
  },
  page: {
    nonexistent: nativePage("github__no_such"),
    hidden: nativePage("github__comment"),
    revoked: nativePage("http_status__check"),
  },
};

/** @returns by kind of answer and refusal, against `nonexistent` */
export async function refusalTimes(
  port: number,
  calls: number,
  presentation: "meta" | "native" = "meta",
): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const result: Record<string, Record<string, number>> = {};
  for (const [answer, kinds] of Object.entries(presentation === "native" ? NATIVE : META)) {
    const names = Object.keys(kinds);
    const times = new Map<string, number[]>(names.map((name) => [name, []]));
    for (let n = 0; n < calls; n++) {
      const name = names[randomBytes(1).readUInt8() % names.length] ?? "";
      const make = kinds[name];
      if (make) times.get(name)?.push((await once(port, agent, make(n))).ms);
    }
    const [reference = [], ...others] = names.map((name) => times.get(name) ?? []);
    result[answer] = Object.fromEntries(
      others.map((sample, i) => [names[i + 1] ?? "", Number(auc(sample, reference).toFixed(3))]),
    );
  }
  agent.destroy();
  return result;
}

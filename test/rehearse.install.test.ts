/** `mcpist rehearse` as an operator starts it: this repository's own production environment, from nothing to a leaked secret. */
import process from "node:process";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";

interface Traffic {
  readonly sent: number;
  readonly failed: number;
  readonly slow: number;
}
interface Act {
  readonly name: string;
  readonly ok: boolean;
  readonly summary: readonly string[];
  readonly rotation?: { readonly from: { readonly kid: string }; readonly to: { readonly kid: string } };
  readonly proof?: Readonly<Record<"oldSecret" | "newSecret", Readonly<Record<string, number>>>>;
  readonly traffic?: Traffic;
  readonly platforms?: readonly { readonly platform: string; readonly traffic: Traffic }[];
}

describe("mcpist rehearse", () => {
  let exitCode: number | undefined;
  let stderr = "";
  let acts: readonly Act[] = [];
  beforeAll(async () => {
    const args = ["cli/main.ts", "rehearse", "--env", "production", "--json", "--users", "6", "--rate", "12"];
    const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
    const ran = await execa(process.execPath, args, {
      cwd: `${import.meta.dirname}/..`,
      extendEnv: false,
      // Nobody is signed in anywhere, and nothing of this process is told.
      env: { PATH, HOME, ...(TMPDIR === "" ? {} : { TMPDIR }) },
      reject: false,
      verbose: "none",
      stdin: "ignore",
    });
    ({ exitCode, stderr } = ran);
    acts = (JSON.parse(ran.stdout || '{ "acts": [] }') as { readonly acts: readonly Act[] }).acts;
  }, 600_000);
  const act = (name: string): Act | undefined => acts.find((played) => played.name === name);
  const lost = ({ failed, slow }: Traffic = { sent: 0, failed: -1, slow: 0 }): number => failed - slow;

  it("plays every act of an environment of one's own, and each ends as it should", () => {
    const told = acts.flatMap(({ summary }) => summary).join("\n");
    expect(exitCode, `${told}\n${stderr}`).toBe(0);
    expect(acts.map(({ name, ok }) => [name, ok])).toEqual([
      ["first-deploy", true],
      ["rotation", true],
      ["outage", true],
      ["emergency", true],
    ]);
    expect(stderr).toContain("rehearsal of production: nothing real is reached");
  });

  it.each(["rotation", "emergency"])(
    "proves of the %s that every origin refuses the old secret and takes the new",
    (name) => {
      const { rotation, proof } = act(name) ?? {};
      expect(rotation?.to.kid).toMatch(/^[0-9a-f]{16}$/);
      expect(rotation?.to.kid).not.toBe(rotation?.from.kid);
      expect(proof).toEqual({ oldSecret: { koyeb: 403, fly: 403 }, newSecret: { koyeb: 200, fly: 200 } });
    },
  );

  it("rotates twice in a row: the emergency begins with what the rotation has made", () => {
    expect(act("emergency")?.rotation?.from.kid).toBe(act("rotation")?.rotation?.to.kid);
  });

  it("loses no request to the rotation, and none while either platform is gone", () => {
    expect(act("rotation")?.traffic?.sent).toBeGreaterThan(0);
    expect(lost(act("rotation")?.traffic)).toBe(0);
    expect(act("outage")?.platforms?.map(({ platform, traffic }) => [platform, lost(traffic)])).toEqual([
      ["koyeb", 0],
      ["fly", 0],
    ]);
  });
});

/** Modules for tests: the real ones and `lab`, whose tools have effects, fail, dawdle and try to leak. */
import { z } from "zod";
import { tool, ToolError, type Module } from "../modules/module.ts";
import { builtIn, type ModuleSettings } from "../modules/registry.ts";

/** What the lab did, by request id. */
export interface Lab {
  readonly effects: string[];
  /** Resolves the `wait` calls that are under way. */
  release: () => void;
  readonly held: Promise<void>[];
}

/** A fresh record. */
export function createLab(): Lab {
  return { effects: [], release: () => {}, held: [] };
}

/** A text that must never be seen outside; the tools of the lab do their best to leak it. */
export const CANARY = "canary-7f3a9c41d2e85b60";

/** Forms in which a text may have been written down. */
export const formsOf = (text: string): readonly string[] => [
  text,
  ...[0, 1, 2].map((offset) =>
    Buffer.concat([Buffer.alloc(offset), Buffer.from(text)])
      .toString("base64")
      .slice(4, -4),
  ),
  Buffer.from(text).toString("hex"),
  encodeURIComponent(text).toLowerCase(),
];

function leaky(): Error {
  const error = new Error(`token ${CANARY}`, { cause: { authorization: `Bearer ${CANARY}` } });
  error.name = CANARY;
  return Object.assign(error, { config: { headers: { authorization: CANARY } } });
}

/** The lab. */
export function labModule(lab: Lab): Module {
  const plain = { readOnly: true, idempotent: true, destructive: false } as const;
  const effectful = { readOnly: false, idempotent: false, destructive: true } as const;
  const input = z.strictObject({ text: z.string().default("") });
  return {
    name: "lab",
    description: "Tools for tests",
    network: false,
    scopes: [],
    tools: [
      tool({ name: "read", description: "reads", input, ...plain, run: async ({ text }) => ({ text }) }),
      tool({
        name: "effect",
        description: "leaves a mark",
        input,
        ...effectful,
        run: async ({ text }, { requestId }) => {
          lab.effects.push(requestId);
          return { text, effects: lab.effects.filter((mark) => mark === requestId).length };
        },
      }),
      tool({
        name: "upsert",
        description: "leaves a mark, may be repeated",
        input,
        readOnly: false,
        idempotent: true,
        destructive: false,
        run: async (_, { requestId }) => lab.effects.push(requestId),
      }),
      tool({
        name: "wait",
        description: "leaves a mark and waits",
        input,
        ...effectful,
        run: async (_, { requestId }) => {
          lab.effects.push(requestId);
          const held = new Promise<void>((resolve) => {
            const before = lab.release;
            lab.release = () => {
              before();
              resolve();
            };
          });
          lab.held.push(held);
          await held;
          return { done: true };
        },
      }),
      tool({
        name: "large",
        description: "returns much",
        input,
        ...effectful,
        run: async (_, { requestId }) => {
          lab.effects.push(requestId);
          return { text: "x".repeat(300_000) };
        },
      }),
      tool({
        name: "leak",
        description: "throws what must not be seen",
        input,
        ...effectful,
        run: async () => {
          throw leaky();
        },
      }),
      tool({
        name: "explain",
        description: "fails with a text for the caller",
        input,
        ...plain,
        run: async () => {
          throw new ToolError("the lab is closed");
        },
      }),
      tool({
        name: "token",
        description: "asks for a token",
        input,
        ...plain,
        run: async (_, context) => ({ token: await context.token() }),
      }),
      tool({ name: "granted_never", description: "granted to nobody", input, ...plain, run: async () => ({}) }),
    ],
  };
}

/** The real modules and the lab. */
export const testModules = (
  settings: Partial<ModuleSettings> & Pick<ModuleSettings, "fetch">,
  lab: Lab = createLab(),
): readonly Module[] => [
  ...builtIn({ environment: "sandbox", upstreams: {}, httpStatusHosts: [], ...settings }),
  labModule(lab),
];

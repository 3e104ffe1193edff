import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { blocksOf } from "../documents/blocks.ts";
import { anchorsIn, forbiddenClaims, linksIn } from "./documents.ts";
import { readTracked, ROOT, trackedFiles } from "./repository.ts";

const documents = trackedFiles().filter((path) => path.endsWith(".md") && !path.startsWith("test/"));

/** @returns what is wrong with a link, or null. */
function broken(from: string, target: string): string | null {
  if (/^(https:|mailto:)/.test(target)) return null;
  if (/^[a-z]+:/i.test(target)) return "is neither https nor a file";
  const [path = "", anchor] = target.split("#");
  const file = path === "" ? from : normalize(join(dirname(from), decodeURIComponent(path)));
  if (file.startsWith("..")) return "leaves the repository";
  if (!existsSync(join(ROOT, file))) return "leads nowhere";
  if (anchor === undefined || statSync(join(ROOT, file)).isDirectory() || !file.endsWith(".md")) return null;
  return anchorsIn(readTracked(file)).has(anchor) ? null : "names no heading";
}

describe("documents", () => {
  it("are the ones that a reader looks for", () => {
    expect(documents).toEqual(
      expect.arrayContaining([
        "README.md",
        "README.ja.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "docs/deploy.md",
        "docs/decisions/README.md",
        "docs/security/README.md",
        "docs/security/incident-response.md",
      ]),
    );
  });

  it.each(documents)("claim nothing that a self-assessment cannot hold: %s", (path) => {
    expect(forbiddenClaims(readTracked(path))).toEqual([]);
  });

  it.each(documents)("link to what is there: %s", (path) => {
    const bad = linksIn(readTracked(path)).flatMap(({ target, line }) => {
      const reason = broken(path, target);
      return reason === null ? [] : [`${path}:${line} ${target} ${reason}`];
    });
    expect(bad).toEqual([]);
  });

  it("are reached from the README, each one, by links", () => {
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path) || !path.endsWith(".md") || !existsSync(join(ROOT, path))) return;
      reached.add(path);
      for (const { target } of linksIn(readTracked(path)))
        if (!/^[a-z]+:/i.test(target)) visit(normalize(join(dirname(path), target.split("#")[0] ?? "")));
    };
    visit("README.md");
    expect(documents.filter((path) => !reached.has(path))).toEqual([]);
  });

  it("name only commands of npm that exist", () => {
    const { scripts } = JSON.parse(readTracked("package.json")) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const unknown = documents.flatMap((path) =>
      [...readTracked(path).matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)]
        .map(([, name = ""]) => name)
        .filter((name) => !Object.hasOwn(scripts, name))
        .map((name) => `${path}: ${name}`),
    );
    expect(unknown).toEqual([]);
  });
});

describe("a Japanese page", () => {
  const commands = (path: string): readonly string[] =>
    blocksOf(path, readTracked(path)).flatMap(({ language, text }) => (language === "other" ? [] : [text]));
  const pages = documents.filter((path) => path.startsWith("docs/") && path.endsWith(".ja.md"));

  it.each(pages)("has the commands of its English page, which are the ones that are run: %s", (path) => {
    const original = path.replace(/\.ja\.md$/, ".md");
    expect(commands(path)).toEqual(commands(original));
    expect(readTracked(path)).not.toContain("<!--");
    for (const [from, to] of [
      [path, original],
      [original, path],
    ] as const)
      expect(linksIn(readTracked(from)).map(({ target }) => target)).toContain(basename(to));
  });
});

describe("the README", () => {
  it.each(["README.md", "README.ja.md"])("has exactly two start commands: %s", (path) => {
    const commands = [...readTracked(path).matchAll(/^npm ci && .+$/gm)].map(([line]) => line);
    expect(commands).toEqual(["npm ci && npm run demo", "npm ci && npm test"]);
  });

  it("does not hide a command that the help names and that is not built", () => {
    const missing = [...readTracked("cli/program.ts").matchAll(/notBuilt\(\s*"([^"]+)"/g)].map(([, name]) => name);
    const said = [
      ...(/^Named in the help, not built yet: (.+?)\. /m.exec(readTracked("README.md"))?.[1] ?? "").matchAll(
        /`([^`]+)`/g,
      ),
    ];
    expect(new Set(said.map(([, name]) => name)), "README.md is behind cli/program.ts").toEqual(new Set(missing));
  });

  it("has no badge: there is no machine data behind one yet", () => {
    for (const path of ["README.md", "README.ja.md"]) expect(readTracked(path)).not.toMatch(/badge|shields\.io/i);
  });
});

describe("claims", () => {
  it.each([
    "mcpist is SOC 2 compliant.",
    "The code was audited by experts.",
    "このツールは監査済みです。",
    "監査相当の証跡があります。",
    "完全に安全です。",
    "The check cannot be bypassed.",
    "バイパス不可の制限です。",
    "Military-grade encryption",
    "It is 100 % secure.",
    "An unbreakable gateway",
    "絶対に安全です。",
    "This is risk-free.",
  ])("are flagged: %s", (sentence) => {
    expect(forbiddenClaims(sentence)).not.toEqual([]);
  });

  it.each([
    "It was self-assessed, never audited.",
    "There is no SOC 2 report and nobody certified anything.",
    "完全性はチェックサムで確かめます。",
    "SOC 2 の報告書はありません。",
    "自己評価であり、外部の監査は受けていません。",
  ])("are fine: %s", (sentence) => {
    expect(forbiddenClaims(sentence)).toEqual([]);
  });
});

describe("links", () => {
  it("are found in every form, and not in code", () => {
    const text = 'a [b](c.md) ![d](e.svg)\n[f]: g.md\n<img src="h.png">\n```\n[i](j.md)\n```\n`[k](l.md)`';
    expect(linksIn(text).map(({ target }) => target)).toEqual(["c.md", "e.svg", "g.md", "h.png"]);
  });

  it.each([
    ["README.md", "nowhere.md", "leads nowhere"],
    ["README.md", "http://example.com", "is neither https nor a file"],
    ["README.md", "../secret.md", "leaves the repository"],
    ["README.md", "SECURITY.md#nowhere", "names no heading"],
  ])("are judged: %s to %s %s", (from, target, reason) => {
    expect(broken(from, target)).toBe(reason);
  });

  it("lead to headings as GitHub names them", () => {
    expect(anchorsIn("# What `x` is, exactly\n## 保証\n## 保証\n")).toEqual(
      new Set(["what-x-is-exactly", "保証", "保証-1"]),
    );
  });
});

import { describe, expect, it } from "vitest";
import { errorPage, hostOf } from "./page.ts";

const at = (cwd: string, root: string, repository?: string) =>
  errorPage({ cwd, env: { HOME: "/users/ann" } }, "bringBack", {
    root,
    manifest: { name: "mcpist", version: "1.2.3", ...(repository === undefined ? {} : { repository }) },
  });

describe("the page of an error", () => {
  it.each([
    ["in a project", "/srv/my mcp", "/srv/my mcp/node_modules/mcpist/", "node_modules/mcpist/docs/errors.md"],
    ["in its modules/", "/srv/mcp/modules", "/srv/mcp/node_modules/mcpist/", "../node_modules/mcpist/docs/errors.md"],
    ["in a checkout", "/srv/mcpist", "/srv/mcpist/", "docs/errors.md"],
    [
      "by npx",
      "/srv/mcp",
      "/users/ann/.npm/_npx/0a1b2c3d/node_modules/mcpist/",
      "~/.npm/_npx/0a1b2c3d/node_modules/mcpist/docs/errors.md",
    ],
    ["for all users", "/srv/mcp", "/usr/lib/node_modules/mcpist/", "/usr/lib/node_modules/mcpist/docs/errors.md"],
  ])("is a path that can be opened from here: %s", (_, cwd, root, path) => {
    expect(at(cwd, root)?.line).toBe(`page:  ${path}#bringback`);
  });
  it("is a URL for programs", () => {
    expect(at("/srv/my mcp", "/srv/my mcp/node_modules/mcpist/")?.url).toBe(
      "file:///srv/my%20mcp/node_modules/mcpist/docs/errors.md#bringback",
    );
  });
  it("never makes a line of more than 80 columns", () => {
    const deep = `/users/ann/${"a-long-folder/".repeat(6)}node_modules/mcpist/`;
    expect(at("/srv/mcp", deep)?.line).toBe("page:  docs/errors.md#bringback of the package mcpist");
  });
  it("is the repository's own as soon as package.json names one, at the version that runs", () => {
    const page = at("/srv/mcp", "/srv/mcp/node_modules/mcpist/", "github:acme/mcpist");
    expect(page?.url).toBe("https://github.com/acme/mcpist/blob/v1.2.3/docs/errors.md#bringback");
    expect(page?.line).toBe("page:  https://github.com/acme/mcpist/blob/v1.2.3/docs/errors.md#bringback");
  });
  it.each([
    "git+https://github.com/acme/mcpist.git",
    "git@github.com:acme/mcpist.git",
    "https://github.com/acme/mcpist",
  ])("reads the forms in which a repository is named: %s", (url) =>
    expect(hostOf({ name: "mcpist", version: "1.0.0", repository: { url } })).toBe(
      "https://github.com/acme/mcpist/blob/v1.0.0/",
    ),
  );
  it("is nowhere when nobody knows where the package is", () => {
    expect(errorPage({ cwd: "/", env: {} }, "bug", null)).toBeNull();
  });
});

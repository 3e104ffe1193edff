import { describe, expect, it } from "vitest";
import { actorOf } from "./session.ts";
import { testContext } from "./test/test-context.ts";

const nobody = () => {
  throw Object.assign(new Error("uv_os_get_passwd"), { code: "ENOENT" });
};

describe("who runs this, for the journal", () => {
  it.each([
    ["the workflow's actor", { GITHUB_ACTOR: "octo-cat[bot]", USER: "runner" }, nobody, "octo-catbot"],
    ["the local user", { USER: "ada" }, nobody, "ada"],
    ["the login name", { USER: "", LOGNAME: "ada" }, nobody, "ada"],
    ["the user that the system knows", {}, () => "ada", "ada"],
    ["nobody by name, where a user id has no entry", {}, nobody, "unknown"],
  ])("is %s", (_what, env, localUser, actor) => {
    expect(actorOf(testContext({ env }), localUser)).toBe(actor);
  });
});

import { expect, it } from "vitest";
import { authorizationOf } from "./authorization.ts";

it.each([
  ["t0ken", "Bearer t0ken"],
  ["FlyV1 fm2_abc", "FlyV1 fm2_abc"],
  ["FlyV1", "Bearer FlyV1"],
])("a token is sent with a scheme, its own where it has one: %s", (token, header) => {
  expect(authorizationOf(token)).toBe(header);
});

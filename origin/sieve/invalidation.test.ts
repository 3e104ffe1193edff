import { describe, expect, it } from "vitest";
import type { Database } from "../database/database.ts";
import { listenForChanges } from "./invalidation.ts";
import type { PermissionCache } from "./permissions.ts";

/** A cache that writes down what it is told, and a database whose announcements are the test's. */
function bench() {
  const told: string[] = [];
  const cache = {
    clear: () => void told.push("clear"),
    dropAnnounced: (name: string) => void told.push(name),
  } as unknown as PermissionCache;
  let announce: (name: string) => void = () => undefined;
  let lose: () => void = () => undefined;
  const database = {
    listen: (_channel: string, onPayload: (payload: string) => void, onLost: () => void) => {
      told.push("listen");
      [announce, lose] = [onPayload, onLost];
      return Promise.resolve(() => Promise.resolve());
    },
  } as unknown as Database;
  const listening = listenForChanges(database, cache);
  return { told, listening, announce: (name: string) => announce(name), lose: () => lose() };
}

describe("announcements of changed permissions", () => {
  it("that came before anybody listened are made up for: nobody's permissions are kept from then", async () => {
    const { told, listening, announce } = bench();
    await listening.renew();
    announce("0123456789abcdef");
    expect(told).toEqual(["listen", "clear", "0123456789abcdef"]);
  });

  it("that came while the subscription was lost are made up for too", async () => {
    const { told, listening, lose } = bench();
    await listening.renew();
    await listening.renew();
    lose();
    await listening.renew();
    expect(told).toEqual(["listen", "clear", "listen", "clear"]);
  });
});

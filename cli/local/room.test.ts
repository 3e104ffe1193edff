import { expect, it } from "vitest";
import { checkRoom } from "./room.ts";

const MIB = 2 ** 20;

it.each([
  ["plenty", { bavail: 1000, bsize: MIB, blocks: 2000 }],
  ["a file system that does not say", { bavail: 0, bsize: 4096, blocks: 0 }],
])("a local cloud may start with %s", async (_, space) => {
  await expect(checkRoom(async () => space)).resolves.toBeUndefined();
});

it.each([
  ["nothing", { bavail: 0, bsize: 4096, blocks: 10 }],
  ["15 MiB", { bavail: 15, bsize: MIB, blocks: 2000 }],
])("with %s left it says which disk is full before it starts", async (_, space) => {
  await expect(checkRoom(async () => space)).rejects.toMatchObject({
    code: "ERR_MACHINE",
    message: "a disk of this machine is full (ENOSPC)",
    hint: "free some space in TMPDIR and in your home, then run the command again",
  });
});

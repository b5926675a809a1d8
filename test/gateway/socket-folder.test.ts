import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { groupId, prepareFolder } from "../../src/gateway/socket-folder.ts";

const base = mkdtempSync(join(tmpdir(), "socket-folder-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("a group is found by its whole name, and one that is not there is told", () => {
  const file = join(base, "group");
  writeFileSync(file, "root:x:0:\nops:x:1234:ann\nopsmen:x:1235:\n");
  expect(groupId("ops", file)).toBe(1234);
  expect(groupId(undefined, file)).toBeUndefined();
  expect(() => groupId("op", file)).toThrow('"admin.group" names the group "op"');
});

test("the folder is ours alone, and passable for the group", () => {
  prepareFolder(join(base, "alone", "a.sock"), undefined);
  expect(mode(join(base, "alone"))).toBe("700");
  prepareFolder(join(base, "group-s", "a.sock"), process.getgid?.() ?? 0);
  expect(mode(join(base, "group-s"))).toBe("710");
});

test("A folder of a gateway under /tmp that others may write in is refused", () => {
  const folder = join(base, `authensor-gw-${process.getuid?.()}`);
  mkdirSync(folder);
  chmodSync(folder, 0o777);
  expect(() => prepareFolder(join(folder, "a.sock"), undefined)).toThrow("Cannot make the admin");
});

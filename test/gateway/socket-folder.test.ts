import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { GatewayError } from "../../src/base/errors.ts";
import { checkFolder, groupId, prepareFolder } from "../../src/gateway/socket-folder.ts";

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

test("F9 no socket is made where a stranger could swap it, and check says so", () => {
  const me = process.getuid?.() ?? 0;
  const folder = join(base, "open");
  const socket = join(folder, "gw/a.sock");
  mkdirSync(join(folder, "gw"), { recursive: true });
  const cause = () => {
    try {
      checkFolder(socket);
      prepareFolder(socket, undefined);
      return "none";
    } catch (thrown) {
      return (thrown as GatewayError).why.replaceAll(base, "DIR");
    }
  };
  expect(cause()).toBe("none");
  // As /tmp is: what is ours stays ours.
  chmodSync(folder, 0o1777);
  expect(cause()).toBe("none");
  chmodSync(folder, 0o777);
  expect(cause()).toBe(`everybody may write to "DIR/open", and "DIR/open/gw" is of user ${me}`);
  chmodSync(folder, 0o755);
  chmodSync(join(folder, "gw"), 0o777);
  expect(cause()).toBe('others may write in "DIR/open/gw", and so put another socket there');
  chmodSync(join(folder, "gw"), 0o755);
  if (me !== 0) return;
  chownSync(join(folder, "gw"), 4711, 0);
  expect(cause()).toBe('"DIR/open/gw" belongs to user 4711, who could put another socket there');
  // Root's folder is as good as one's own: systemd makes it.
  chownSync(join(folder, "gw"), 0, 0);
  expect(() => checkFolder(socket, 4711)).not.toThrow();
});

test("F9 a link on the way is looked at, and followed", () => {
  const real = join(base, "real");
  mkdirSync(real);
  symlinkSync(real, join(base, "link"));
  expect(() => prepareFolder(join(base, "link/a.sock"), undefined)).not.toThrow();
  chmodSync(real, 0o777);
  expect(() => prepareFolder(join(base, "link/a.sock"), undefined)).toThrow("Cannot make");
});

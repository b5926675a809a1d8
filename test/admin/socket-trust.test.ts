/** A key goes to no socket that a stranger could have put there. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { adminClient } from "../../src/admin/client.ts";
import { strangersSocket } from "../../src/admin/socket-trust.ts";

const me = process.getuid?.() ?? 0;
let all = "";
beforeEach(() => {
  all = mkdtempSync(join(tmpdir(), "trust-"));
});
afterEach(() => rmSync(all, { recursive: true, force: true }));

describe("a socket in a folder of everybody", () => {
  const cases: readonly [what: string, mode: number, uid: number, trusted: boolean][] = [
    ["mine", 0o1777, me, true],
    ["mine, but whoever likes may replace it", 0o777, me, false],
    ["a stranger's", 0o1777, me + 7, false],
    ["in a folder of mine alone", 0o755, me + 7, true],
  ];
  for (const [what, mode, uid, trusted] of cases) {
    test(`F9 ${what}`, () => {
      chmodSync(all, mode);
      mkdirSync(join(all, "gw"));
      writeFileSync(join(all, "gw/admin.sock"), "");
      // The one who asks is another user than the one who made it.
      const asks = uid === me ? me : 4711;
      if (asks !== me && me === 0) chownSync(join(all, "gw"), uid, 0);
      if (asks !== me && me === 0) chownSync(join(all, "gw/admin.sock"), uid, 0);
      expect(strangersSocket(join(all, "gw/admin.sock"), asks) === undefined).toBe(trusted);
    });
  }
});

test("F9 a link of mine or root's on the way is no folder of everybody, a stranger's is", () => {
  mkdirSync(join(all, "run/gw"), { recursive: true });
  writeFileSync(join(all, "run/gw/admin.sock"), "");
  symlinkSync("run", join(all, "var"));
  expect(strangersSocket(join(all, "var/gw/admin.sock"))).toBeUndefined();
  chmodSync(join(all, "run"), 0o777);
  expect(strangersSocket(join(all, "var/gw/admin.sock"))?.code).toBe("GW_SOCKET");
  chmodSync(join(all, "run"), 0o755);
  if (me !== 0) return;
  chmodSync(all, 0o1777);
  lchownSync(join(all, "var"), 4712, 0);
  expect(strangersSocket(join(all, "var/gw/admin.sock"), 4711)?.why).toContain("of user 4712");
});

test("F9 the client sends no key there, and may look without one", async () => {
  chmodSync(all, 0o777);
  const socket = join(all, "admin.sock");
  const seen: unknown[] = [];
  const server: Server = createServer((request, response) => {
    seen.push(request.headers.authorization);
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  const withKey = adminClient({ socket, key: "agw_planted" });
  await expect(withKey.get("/v1/status")).rejects.toThrow("No key is sent");
  await expect(withKey.post("/v1/reload", {})).rejects.toThrow("No key is sent");
  expect((await withKey.watch(() => undefined).ended).code).toBe("GW_SOCKET");
  await adminClient({ socket }).get("/v1/status");
  server.close();
  expect(seen).toEqual([undefined]);
});

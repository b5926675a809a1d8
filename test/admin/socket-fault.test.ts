/** Another user at the admin socket: let in by the group, and told how where not. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { socketFault } from "../../src/admin/socket-fault.ts";
import { asNobody, canBeNobody } from "../kit/as-nobody.ts";
import { startGateway } from "../kit/gateway.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "gw-sock-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

describe("what is said of a closed socket", () => {
  const uid = process.getuid?.() ?? 0;
  const gid = isRoot ? 4242 : (process.getgid?.() ?? 0);
  const cases: readonly (readonly [string, number, RegExp, RegExp])[] = [
    ["the group opens it", 0o660, /group ops, mode 0660/, /usermod -aG ops "\$USER"/],
    ["nobody else opens it", 0o600, /group ops, mode 0600/, /set `admin.group` in the config/],
  ];
  test.each(cases)("%s", (_, mode, cause, fix) => {
    const socket = join(folder, "a.sock");
    writeFileSync(socket, "");
    if (isRoot) chownSync(socket, uid, gid);
    chmodSync(socket, mode);
    const accounts = { passwd: join(folder, "passwd"), group: join(folder, "group") };
    writeFileSync(accounts.passwd, `nobody:x:77777:0::/:\ngate:x:${uid}:0::/:\n`);
    writeFileSync(accounts.group, `ops:x:${gid}:\n`);
    const error = socketFault(socket, accounts);
    expect([error.code, error.why, error.fix]).toEqual([
      "GW_SOCKET",
      expect.stringMatching(cause),
      expect.stringMatching(fix),
    ]);
    expect(error.why).toContain("user gate");
    expect(error.fix).toContain("or run this as user gate");
  });

  test("an account without a name keeps its number; a socket that is gone names its folder", () => {
    const error = socketFault(join(folder, "none.sock"), { passwd: "/nowhere", group: "/nowhere" });
    expect(error.why).toContain(`its folder "${folder}" belongs to user ${uid} `);
  });
});

test.skipIf(!canBeNobody)(
  "a second user beside a running service: in its group he sees all, outside he is told how",
  async () => {
    const gid = 100;
    const dead = { url: "http://127.0.0.1:9/mcp" };
    const admin = { socket: "run/admin.sock", group: "users" };
    await using gateway = await startGateway({
      program: "bun",
      config: { admin, servers: { one: dead } },
    });
    chmodSync(gateway.folder, 0o755);
    chmodSync(gateway.config, 0o644);
    const inGroup = await asNobody([gid], gateway.config, ["servers", "list", "--json"]);
    expect([inGroup.code, JSON.parse(inGroup.stdout).id]).toEqual([0, "one"]);
    const outside = await asNobody([], gateway.config, ["servers", "list"]);
    expect([outside.code, outside.stdout]).toEqual([69, ""]);
    expect(outside.stderr).toContain(`its folder "${join(gateway.folder, "run")}" belongs to`);
    expect(outside.stderr).toContain('sudo usermod -aG users "$USER"');
    // He is not led to the store, nor to a gateway of his own.
    const keys = await asNobody([], gateway.config, ["keys", "list"]);
    expect([keys.code, keys.stdout]).toEqual([69, ""]);
    expect(keys.stderr).not.toContain("→ store");
    const serve = await asNobody([], gateway.config, ["serve"]);
    expect(serve.code).not.toBe(0);
    expect(gateway.child().process.exitCode).toBeNull();
  },
  30_000,
);

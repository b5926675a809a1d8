/** The keys commands without a gateway: the store, and files that hold a token. */

import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { commandLines } from "./kit.ts";

const { home, gw } = commandLines();

describe("keys without a gateway", () => {
  test("are made in the store, listed, rotated and revoked", async () => {
    await gw("keys", "init");
    const made = await gw(
      "keys",
      "keys",
      "create",
      "--role",
      "executor",
      "--name",
      "007",
      "--json",
    );
    expect([made.code, made.err]).toEqual([0, expect.stringContaining("not running")]);
    const key = JSON.parse(made.out);
    expect(Object.keys(key)).toEqual(["id", "name", "role", "roles", "token", "expires_at"]);
    expect(key).toMatchObject({ name: "007", role: "executor", expires_at: null });

    const twice = await gw("keys", "keys", "create", "--role", "executor", "--name", "007");
    expect([twice.code, twice.err]).toEqual([3, expect.stringContaining("GW_NAME")]);
    const rotated = await gw("keys", "keys", "rotate", "007");
    expect(rotated.out).not.toBe(key.token);
    expect((await gw("keys", "keys", "revoke", "007")).code).toBe(0);
    const listed = await gw("keys", "keys", "list", "--json");
    const states = listed.out.split("\n").map((line) => JSON.parse(line));
    expect(states.filter((one) => one.name === "007").map((one) => one.state)).toEqual([
      "revoked",
      "revoked",
    ]);
    expect(listed.out).not.toContain(key.token);
    const wrong = await gw("keys", "keys", "create", "--role", "root", "--name", "x");
    expect([wrong.code, wrong.err]).toEqual([3, expect.stringContaining("executor")]);
    expect((await gw("keys", "keys", "create", "--name", "x")).err).toContain("needs --role");
    for (const life of ["9", "0d", "0ms"]) {
      const made = ["--role", "viewer", "--name", "x", "--expires", life];
      const { code, err } = await gw("keys", "keys", "create", ...made);
      expect([code, err]).toEqual([3, expect.stringMatching(/GW_USAGE[\s\S]*--expires 90d/)]);
    }
  });

  test("O4 a key file that others can read is refused, and its token not shown", async () => {
    await gw("mode", "init");
    const file = join(home, "mode/key");
    writeFileSync(file, "agw_secret\n");
    chmodSync(file, 0o644);
    const found = await gw("mode", "keys", "revoke", "admin", "--key-file", "key");
    expect([found.code, found.err]).toEqual([78, expect.stringContaining("chmod 600")]);
    expect(found.err).not.toContain("agw_secret");
  });
});

describe("--out", () => {
  const create = ["keys", "create", "--role", "executor", "--name"];
  const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);

  test("O4 puts the token into a file of mode 0600, and prints id and path only", async () => {
    await gw("out", "init");
    const file = join(home, "out/agent.key");
    const made = await gw("out", ...create, "agent", "--out", "agent.key");
    const token = readFileSync(file, "utf8");
    expect([made.code, mode(file), token]).toEqual([
      0,
      "600",
      expect.stringMatching(/^agw_\S+\n$/),
    ]);
    expect(made.out).toMatch(/^Key "agent" \(executor\), id k-\S+\. Its token is in \S+agent\.key/);
    expect(made.out + made.err).not.toContain("agw_");
    const json = await gw("out", ...create, "other", "--out", "other.key", "--json");
    const said = JSON.parse(json.out);
    expect(said).toMatchObject({ name: "other", file: join(home, "out/other.key") });
    expect(said).not.toHaveProperty("token");
  });

  test("never writes over a file without --force, and makes no key then", async () => {
    await gw("kept", "init");
    const file = join(home, "kept/agent.key");
    writeFileSync(file, "old\n", { mode: 0o644 });
    const refused = await gw("kept", ...create, "agent", "--out", "agent.key");
    expect([refused.code, refused.err]).toEqual([3, expect.stringContaining("--force")]);
    expect(readFileSync(file, "utf8")).toBe("old\n");
    expect((await gw("kept", "keys", "list")).out).not.toContain("agent");
    const forced = await gw("kept", ...create, "agent", "--out", "agent.key", "--force");
    expect([forced.code, mode(file)]).toEqual([0, "600"]);
    const first = readFileSync(file, "utf8");
    const again = await gw("kept", "keys", "rotate", "agent", "--out", "agent.key", "--force");
    expect(again.code).toBe(0);
    expect(readFileSync(file, "utf8")).toMatch(/^agw_/);
    expect(readFileSync(file, "utf8")).not.toBe(first);
  });

  test("what cannot be written is told before a key is made, and leaves nothing", async () => {
    await gw("lost", "init");
    mkdirSync(join(home, "lost/folder"));
    const cases = [
      ["none/agent.key", "ENOENT", "name a file in a folder"],
      ["folder", "a file is there", "--force"],
    ];
    for (const [out = "", cause = "", fix = ""] of cases) {
      const found = await gw("lost", ...create, "agent", "--out", out);
      expect([found.code, found.err]).toEqual([3, expect.stringContaining(cause)]);
      expect(found.err).toContain(fix);
    }
    const forced = await gw("lost", ...create, "agent", "--out", "folder", "--force");
    expect([forced.code, forced.err]).toEqual([3, expect.stringContaining("EISDIR")]);
    const taken = await gw("lost", ...create, "admin", "--out", "admin.key");
    expect([taken.code, taken.err]).toEqual([3, expect.stringContaining("GW_NAME")]);
    expect(existsSync(join(home, "lost/admin.key"))).toBe(false);
    expect((await gw("lost", "keys", "list")).out).not.toContain("agent");
    expect((await gw("lost", ...create, "agent", "--force")).err).toContain("--force goes with");
  });

  test("O4 a link that stands there is replaced, not followed", async () => {
    await gw("link", "init");
    writeFileSync(join(home, "link/target"), "mine\n");
    symlinkSync("target", join(home, "link/agent.key"));
    expect((await gw("link", ...create, "agent", "--out", "agent.key")).code).toBe(3);
    const forced = ["--out", "agent.key", "--force"];
    expect((await gw("link", ...create, "agent", ...forced)).code).toBe(0);
    expect(readFileSync(join(home, "link/target"), "utf8")).toBe("mine\n");
    expect(readdirSync(join(home, "link")).filter((name) => name.startsWith("agent"))).toEqual([
      "agent.key",
    ]);
  });
});

/** Commands that read data_dir themselves: what is closed or not there is not taken for empty. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asNobody, canBeNobody } from "../kit/as-nobody.ts";
import { startGateway } from "../kit/gateway.ts";
import { commandLines } from "./kit.ts";

const { gw, writeIn } = commandLines();

describe("a data_dir of another user", () => {
  let folder: string;
  let config: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "gw-closed-"));
    chmodSync(folder, 0o755);
    config = join(folder, "gw.yaml");
    const socket = join(folder, "none.sock");
    writeFileSync(config, `listen: none\ndata_dir: data\nadmin: { socket: ${socket} }\n`);
    mkdirSync(join(folder, "data/spool"), { recursive: true });
    writeFileSync(join(folder, "data/store.db"), "");
    chmodSync(join(folder, "data"), 0o700);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const commands = [
    ...[
      "receipts verify",
      "receipts verify --json",
      "receipts list",
      "receipts show r-1a2b3c4d5e6f-1",
    ],
    ...["keys list", "status", "servers list", "logs", "check"],
  ];
  test.skipIf(!canBeNobody).each(commands)("%s is GW_DATA_DIR", async (line) => {
    const { code, stdout, stderr } = await asNobody([], config, line.split(" "));
    const said = line === "check" ? stdout : stderr;
    expect([code, said]).toEqual([78, expect.stringContaining("GW_DATA_DIR: Cannot ")]);
    expect(said).toContain(
      `permission denied (EACCES): "${join(folder, "data")}" belongs to user root, mode 0700`,
    );
    expect(said).toContain("Try: run this as user root");
    if (line !== "check") expect(stdout).toBe("");
  });

  test.skipIf(!canBeNobody)("doctor claims nothing of keys that it could not read", async () => {
    const { code, stdout } = await asNobody([], config, ["doctor"]);
    expect([code, stdout]).toEqual([1, expect.stringContaining("✗ gateway  GW_DATA_DIR")]);
    expect(stdout).toContain("run this as user root");
    expect(stdout).not.toContain("GW_NO_KEY");
    expect(stdout).not.toContain("GW_NOT_RUNNING");
  });

  test.skipIf(!canBeNobody)("a copy that is closed is not called none", async () => {
    const verify = ["receipts", "verify", "--dir", join(folder, "data")];
    const { code, stderr } = await asNobody([], config, verify);
    expect([code, stderr]).toEqual([78, expect.stringContaining("GW_DATA_DIR: Cannot read")]);
  });

  test.skipIf(!canBeNobody)("its spool alone, and a segment alone", async () => {
    chmodSync(join(folder, "data"), 0o755);
    const spool = join(folder, "data/spool");
    const segment = join(spool, "0000000001.seg");
    writeFileSync(segment, "", { mode: 0o600 });
    for (const [at, mode] of [[spool, 0o700] as const, [segment, 0o755] as const]) {
      chmodSync(spool, mode);
      for (const line of ["receipts verify", "receipts list"]) {
        const { code, stderr } = await asNobody([], config, line.split(" "));
        expect([code, stderr]).toEqual([78, expect.stringContaining(`"${at}" belongs to user`)]);
      }
    }
  });
});

test("one that everybody may write in is warned of, and taken", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-open-"));
  const data = join(folder, "data");
  const outer = join(folder, "outer");
  for (const at of [data, outer, join(outer, "data")]) mkdirSync(at);
  for (const at of [data, outer]) chmodSync(at, 0o777);
  const open =
    `everybody may write in data_dir "${data}" (mode 0777), and so put other keys and receipts ` +
    `there: chmod 700 ${data}`;
  const said = async (dir: string) => {
    writeIn("open", "authensor-gw.yaml", `listen: localhost:0\ndata_dir: ${dir}\n`);
    const { code, out, err } = await gw("open", "check");
    expect([code, out]).toEqual([0, expect.stringContaining("Well: ")]);
    return err;
  };
  expect(await said(data)).toBe(open);
  expect(await said(join(outer, "data"))).toStartWith(
    `data_dir can be swapped for another one: everybody may write to "${outer}", and "${outer}/data"`,
  );
  expect(await said(folder)).toBe("");
  {
    const config = { data_dir: data, servers: {}, auth: "none" };
    await using gateway = await startGateway({ program: "bun", config });
    await gateway.stop();
    const lines = gateway.stderr().trim().split("\n");
    const warned = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === "warn");
    expect(warned.map(({ message }) => message)).toContain(open);
  }
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

describe("a data_dir that is not there", () => {
  test("is not well, and lists say where they looked", async () => {
    writeIn("none", "authensor-gw.yaml", "data_dir: nope\n");
    const verified = await gw("none", "receipts", "verify");
    expect([verified.code, verified.out.split("\n")]).toEqual([
      2,
      [
        `INCOMPLETE: data_dir "${verified.cwd}/nope" does not exist: no receipts are there; ` +
          "look at `data_dir` in the config",
        "Nothing was there to verify: 0 records in 0 chains, 0 calls, 0 refused",
      ],
    ]);
    const json = await gw("none", "receipts", "verify", "--json");
    expect([json.code, JSON.parse(json.out).ok]).toEqual([2, false]);
    for (const line of ["receipts list", "keys list", "receipts show r-1a2b3c4d5e6f-1"]) {
      const { err } = await gw("none", ...line.split(" "));
      expect(err).toContain(`note: data_dir "${verified.cwd}/nope" does not exist`);
    }
  });

  test("nor is one that is a file, or was emptied", async () => {
    writeIn("file", "authensor-gw.yaml", "data_dir: data\n");
    writeIn("file", "data", "");
    const file = await gw("file", "receipts", "verify");
    expect([file.code, file.out]).toEqual([2, expect.stringContaining("is a plain file: no")]);
    writeIn("empty", "authensor-gw.yaml", "data_dir: data\n");
    writeIn("empty", "data/owner.id", "");
    const empty = await gw("empty", "receipts", "verify");
    expect([empty.code, empty.out]).toEqual([
      2,
      expect.stringContaining("holds neither spool nor"),
    ]);
  });

  test("one that init has made is well", async () => {
    await gw("fresh", "init");
    const { code, out } = await gw("fresh", "receipts", "verify");
    expect([code, out]).toEqual([0, "Well: 0 records in 0 chains, 0 calls, 0 refused"]);
  });
});

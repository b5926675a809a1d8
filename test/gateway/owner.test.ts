import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { GatewayError } from "../../src/base/errors.ts";
import { isOwned, ownDataDir, readOwner } from "../../src/gateway/owner.ts";

let base = "";
beforeAll(() => {
  base = fs.mkdtempSync(join(tmpdir(), "owner-test-"));
});
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));

async function refusalOf(dir: string): Promise<GatewayError> {
  try {
    (await ownDataDir(dir)).release();
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown;
  }
  throw new Error("it was not refused");
}

describe("one gateway owns data_dir", () => {
  test("A6 the second start says who owns it and since when; release frees it", async () => {
    const dir = join(base, "a");
    const owner = await ownDataDir(dir, "/run/x.sock");
    const refused = await refusalOf(dir);
    expect(refused.code).toBe("GW_OWNED");
    expect(refused.why).toContain(`process ${process.pid} owns it, since 20`);
    expect(readOwner(dir)?.socket).toBe("/run/x.sock");
    expect(isOwned(dir)).toBe(true);
    owner.release();
    expect(isOwned(dir)).toBe(false);
    expect(readOwner(dir)).toBeUndefined();
    (await ownDataDir(dir)).release();
  });

  test("O15 others may not open the lock, whatever umask is: they could hold it", async () => {
    const dir = join(base, "closed");
    fs.mkdirSync(dir, { mode: 0o755 });
    const before = process.umask(0);
    (await ownDataDir(dir)).release();
    process.umask(before);
    for (const name of fs.readdirSync(dir)) {
      expect([name, fs.statSync(join(dir, name)).mode & 0o077]).toEqual([name, 0]);
    }
  });

  test("A6 another process holds it through garbage collection, kill -9 frees it", async () => {
    const dir = join(base, "b");
    const script = join(base, "hold.ts");
    const source = join(import.meta.dir, "../../src/gateway/owner.ts");
    fs.writeFileSync(
      script,
      `import { ownDataDir } from ${JSON.stringify(source)};
       async function own() { await ownDataDir(${JSON.stringify(dir)}); }
       await own();
       for (let at = 0; at < 5; at += 1) Bun.gc(true);
       console.log("held");
       setInterval(() => Bun.gc(true), 5);`,
    );
    const child = Bun.spawn([process.execPath, script], { stdout: "pipe", stderr: "inherit" });
    try {
      await child.stdout.getReader().read();
      await Bun.sleep(30);
      const refused = await refusalOf(dir);
      expect(refused.code).toBe("GW_OWNED");
      expect(refused.why).toContain(`process ${child.pid}`);
    } finally {
      child.kill("SIGKILL");
      await child.exited;
    }
    (await ownDataDir(dir)).release();
  });

  test("a path that cannot be a directory is GW_DATA_DIR", async () => {
    const file = join(base, "file");
    fs.writeFileSync(file, "");
    expect((await refusalOf(file)).code).toBe("GW_DATA_DIR");
    expect((await refusalOf("/proc/nothing")).code).toBe("GW_DATA_DIR");
  });
});

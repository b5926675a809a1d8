import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNotifier, type NotifyPorts, spoolFault } from "../../src/gateway/notify.ts";
import { startGateway, type TestGateway } from "../kit/gateway.ts";
import { type NotifySocket, notifySocket } from "../kit/notify-socket.ts";
import { setClock } from "../kit/scripted.ts";
import { echo } from "../kit/servers.ts";

describe("what systemd is told", () => {
  function told(over: Partial<NotifyPorts> = {}) {
    const clock = setClock();
    const sent: string[] = [];
    const errors: unknown[] = [];
    const world = {
      status: "0/1 servers ready, 0 in flight",
      fault: undefined as string | undefined,
      taken: true,
    };
    const notifier = createNotifier({
      notify: (state) => world.taken && sent.push(state) > 0,
      clock,
      env: { NOTIFY_SOCKET: "/run/x", WATCHDOG_USEC: "3000000" },
      pid: 7,
      status: () => world.status,
      spoolFault: async () => world.fault,
      log: { error: (message, fields) => errors.push([message, fields]) },
      ...over,
    });
    const fed = () => sent.filter((state) => state === "WATCHDOG=1").length;
    const rest = () => sent.filter((state) => state !== "WATCHDOG=1");
    return { clock, sent, errors, world, notifier, fed, rest };
  }

  test("the status only when it changed", async () => {
    const { clock, world, notifier, rest } = told();
    notifier.ready();
    await clock.advance(5_000);
    world.status = "1/1 servers ready, 2 in flight";
    await clock.advance(5_000);
    notifier.stopping();
    expect(rest()).toEqual([
      "READY=1\nSTATUS=0/1 servers ready, 0 in flight",
      "STATUS=1/1 servers ready, 2 in flight",
      "STOPPING=1\nSTATUS=stopping: 1/1 servers ready, 2 in flight",
    ]);
  });

  test("a reload, also one that fails", async () => {
    const { notifier, rest } = told();
    await notifier.reloading(async () => {});
    await expect(notifier.reloading(() => Promise.reject(new Error("bad")))).rejects.toThrow("bad");
    expect(rest().map((state) => state.split("\n")[0])).toEqual([
      ...["RELOADING=1", "READY=1", "RELOADING=1", "READY=1"],
    ]);
  });

  test("O7 the watchdog three times within its limit, and not while no receipt can be written", async () => {
    const { clock, world, fed, errors } = told();
    await clock.advance(9_000);
    expect(fed()).toBe(10);
    world.fault = "EIO";
    await clock.advance(9_000);
    expect(fed()).toBe(10);
    expect(errors).toEqual([[expect.any(String), { why: "EIO" }]]);
    world.fault = undefined;
    await clock.advance(3_000);
    expect(fed()).toBe(13);
  });

  test("O7 a write that hangs starves it", async () => {
    let looks = 0;
    const spoolFault = () => {
      looks += 1;
      return new Promise<undefined>(() => {});
    };
    const { clock, fed } = told({ spoolFault });
    await clock.advance(30_000);
    expect([fed(), looks]).toEqual([0, 1]);
  });

  test("what nobody took is told with the next look", async () => {
    const { clock, world, notifier, rest } = told();
    world.taken = false;
    notifier.ready();
    await clock.advance(2_000);
    world.taken = true;
    await clock.advance(2_000);
    expect(rest()).toEqual(["READY=1\nSTATUS=0/1 servers ready, 0 in flight"]);
  });

  for (const [usec, ms, least, most] of [
    ["1", 1_000, 2, 101],
    ["18446744073709551615", 600_000, 11, 11],
    ["1e300", 600_000, 11, 11],
  ] as const) {
    test(`O7 WATCHDOG_USEC=${usec} is no timer that only spins, nor one too long`, async () => {
      const { clock, fed } = told({ env: { ...listening(), WATCHDOG_USEC: usec } });
      await clock.advance(ms);
      expect(fed()).toBeGreaterThanOrEqual(least);
      expect(fed()).toBeLessThanOrEqual(most);
    });
  }

  const silent: readonly [why: string, env: NotifyPorts["env"]][] = [
    ["nobody listens", { WATCHDOG_USEC: "3000000" }],
    ["the watchdog is another process's", { ...listening(), WATCHDOG_PID: "8" }],
    ["there is no watchdog", listening()],
  ];
  for (const [why, env] of silent) {
    test(`nothing of life where ${why}`, async () => {
      const { clock, fed } = told({ env });
      await clock.advance(30_000);
      expect(fed()).toBe(0);
    });
  }

  function listening() {
    return { NOTIFY_SOCKET: "/run/x" };
  }
});

test("O7 a notify socket whose reader is stuck stops no call", async () => {
  const folder = mkdtempSync(join(tmpdir(), "gw-notify-"));
  const socket = await notifySocket(join(folder, "notify"));
  await using gateway = await startGateway({
    config: { servers: { echo: echo() } },
    policy: "id: t\nallow: [echo/echo]\n",
    env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "60000" },
  });
  await socket.says("READY=1");
  socket.freeze();
  // Its queue takes some datagrams (net.unix.max_dgram_qlen).
  await Bun.sleep(2_000);
  const answer = await fetch(`${gateway.url}/health`, { signal: AbortSignal.timeout(1_000) });
  expect(answer.status).toBe(200);
  socket.thaw();
  expect(await gateway.stop()).toBe(0);
  await socket.stop();
  rmSync(folder, { recursive: true });
}, 30_000);

describe("whether receipts can be written", () => {
  test("a folder that takes them, is gone, or whose spool is broken", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gw-alive-"));
    expect(await spoolFault(folder, () => undefined)).toBeUndefined();
    expect(await spoolFault(folder, () => undefined)).toBeUndefined();
    expect(await spoolFault(folder, () => "write: EIO")).toBe("write: EIO");
    rmSync(folder, { recursive: true });
    expect(await spoolFault(folder, () => undefined)).toBe("ENOENT");
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 500) throw new Error("it did not come to be in 5 s");
    await Bun.sleep(10);
  }
}

for (const program of ["bun", "binary"] as const) {
  describe(`the ${program} under a recorded notify socket`, () => {
    let folder = "";
    let socket: NotifySocket;
    let gateway: TestGateway;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "gw-notify-"));
      socket = await notifySocket(join(folder, "notify"));
      gateway = await startGateway({
        program,
        config: { servers: { echo: echo() } },
        policy: "id: t\nallow: [echo/echo]\n",
        env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "600000" },
      });
    }, 30_000);
    afterAll(async () => {
      await gateway[Symbol.asyncDispose]();
      await socket.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("READY, STATUS, WATCHDOG, RELOADING, STOPPING", async () => {
      await socket.says("READY=1");
      await socket.says("STATUS=1/1 servers ready, 0 in flight");
      await socket.says("WATCHDOG=1");
      writeFileSync(join(gateway.folder, "policy.yaml"), "id: t\nallow: [nonsense");
      gateway.child().process.kill("SIGHUP");
      await socket.says("RELOADING=1");
      const monotonic = () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
      const lines = socket.received().find(([line]) => line === "RELOADING=1") ?? [];
      const [, us = "0"] = /^MONOTONIC_USEC=(\d+)$/m.exec(lines.join("\n")) ?? [];
      expect(Math.abs(Number(us) / 1e6 - monotonic())).toBeLessThan(10);
      await socket.says("STATUS=1/1 servers ready, 0 in flight, config or policy do not load");
      const fed = () => socket.received().filter(([line]) => line === "WATCHDOG=1").length;
      const before = fed();
      await until(() => fed() > before);
      const child = gateway.child().process;
      child.kill("SIGSTOP");
      await Bun.sleep(100);
      const frozen = fed();
      await Bun.sleep(500);
      expect(fed()).toBe(frozen);
      child.kill("SIGCONT");
      await until(() => fed() > frozen);
      // A data_dir that takes no writes: the place of the block is taken by a folder.
      const block = join(gateway.folder, "data/alive");
      rmSync(block);
      mkdirSync(block);
      await gateway.child().says(/the watchdog is not fed.*EISDIR/);
      const starved = fed();
      await Bun.sleep(500);
      expect(fed()).toBe(starved);
      // A reload by a command is one too; a dry run is none.
      expect((await gateway.cli("reload", "--dry-run")).code).not.toBe(0);
      writeFileSync(join(gateway.folder, "policy.yaml"), "id: t\nallow: [echo/*]\n");
      expect((await gateway.cli("reload", "--dry-run")).code).toBe(0);
      expect((await gateway.cli("reload")).code).toBe(0);
      expect(await gateway.stop()).toBe(0);
      await socket.says("STOPPING=1");
      const order = socket.received().map(([line]) => line);
      expect(order[0]).toBe("READY=1");
      expect(order.filter((line) => line === "READY=1").length).toBe(3);
      expect(order.filter((line) => line === "RELOADING=1").length).toBe(2);
      expect(order.indexOf("RELOADING=1")).toBeLessThan(order.lastIndexOf("READY=1"));
    });
  });
}

import { describe, expect, test } from "bun:test";
import { causeText, fault } from "../../src/base/errors.ts";
import { limits } from "../../src/base/limits.ts";
import { createLog } from "../../src/base/log.ts";

function recorded(level: "debug" | "info" | "warn" | "error" = "info") {
  const lines: string[] = [];
  const clock = { ms: Date.UTC(2026, 0, 1) };
  const log = createLog({ level, write: (line) => lines.push(line), now: () => clock.ms });
  return { lines, clock, log };
}

describe("createLog", () => {
  test("writes one JSON line with time, level, message and fields", () => {
    const { lines, log } = recorded();
    log.warn("server is down", { server: "files", tries: 3 });
    expect(lines).toEqual([
      '{"time":"2026-01-01T00:00:00.000Z","level":"warn","message":"server is down",' +
        '"server":"files","tries":3}\n',
    ]);
  });

  test("an error of ours says its code and cause, another one its message", () => {
    const { lines, log } = recorded();
    const ours = fault("GW_DATABASE", { message: "Cannot ping", cause: "refused" });
    log.warn("a", { ours, other: new TypeError("no"), text: causeText(ours) });
    log.warn("b", { text: causeText(fault("GW_ROLE", { message: "Not you" })), odd: causeText(7) });
    const [first = "", second = ""] = lines;
    const said = "GW_DATABASE: Cannot ping: refused";
    expect(JSON.parse(first)).toMatchObject({ ours: said, other: "no", text: said });
    expect(JSON.parse(second)).toMatchObject({ text: "GW_ROLE: Not you", odd: "7" });
  });

  test("leaves out what is below its level", () => {
    const { lines, log } = recorded("warn");
    log.debug("a");
    log.info("b");
    log.error("c");
    expect(lines.length).toBe(1);
  });

  test("R18 a text of megabytes is cut, and the line says how long it was", () => {
    const { lines, log } = recorded();
    log.info("frame", { method: "m".repeat(4_000_000), why: new Error("e".repeat(5_000)) });
    expect(lines[0]?.length).toBeLessThan(3 * limits.logValueChars);
    expect(JSON.parse(lines[0] ?? "").method).toEndWith("m… (4000000 characters)");
  });

  test("T4 line breaks and terminal controls of a field stay inside one JSON line", () => {
    const { lines, log } = recorded();
    log.info("call", { tool: "a\r\n2026 level=info msg=approved\x1b[2J\x9b31m\u2028\u202e\x7f" });
    const line = lines[0] ?? "";
    expect(line.indexOf("\n")).toBe(line.length - 1);
    for (const unit of line.slice(0, -1)) {
      const code = unit.charCodeAt(0);
      expect(code >= 0x20 && code < 0x7f).toBe(true);
    }
    expect(JSON.parse(line).tool).toContain("\u202e");
  });

  test("R18 a flood of one message is cut and counted, others pass", () => {
    const { lines, clock, log } = recorded();
    for (let round = 0; round < 1_000; round++) log.info("flood");
    log.info("other");
    expect(lines.length).toBe(limits.logBurst + 1);
    clock.ms += limits.logWindowMs;
    log.info("flood");
    expect(JSON.parse(lines.at(-1) ?? "").suppressed).toBe(1_000 - limits.logBurst);
  });

  test("R18 a server that flaps hides no other server, and not its own next state", () => {
    const { lines, log } = recorded();
    const state = (server: string, state: string) => log.info("server state", { server, state });
    for (let round = 0; round < 1_000; round++) state("flaps", "backoff");
    state("good", "ready");
    state("flaps", "crash-loop");
    expect(lines.length).toBe(limits.logBurst + 2);
  });

  test("R18 names without end are one message", () => {
    const { lines, log } = recorded();
    for (let n = 0; n < limits.logMessages; n++) log.info("m", { server: `s${n}` });
    const before = lines.length;
    for (let n = 0; n < 100; n++) log.info("m", { server: `t${n}` });
    expect(lines.length).toBeLessThanOrEqual(before + limits.logBurst + 1);
  });

  test("a field cannot take the place of time, level or message", () => {
    const { lines, log } = recorded();
    log.info("real", { message: "forged", level: "debug" });
    const record = JSON.parse(lines[0] ?? "");
    expect([record.message, record.level, record.message_]).toEqual(["real", "info", "forged"]);
  });

  test("hides fields named as secrets, and survives cycles and bigints", () => {
    const { lines, log } = recorded();
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    log.info("a", { Authorization: "Bearer abc", nested: { token: "abc" }, count: 5n });
    log.info("b", { cycle });
    expect(lines.join("")).not.toContain("abc");
    expect(lines.length).toBe(2);
  });
});

import { describe, expect, test } from "bun:test";
import { classify } from "../../src/protocol/era.ts";
import { readMessage } from "../../src/protocol/json-rpc.ts";
import { eraOf, negotiate } from "../../src/protocol/versions.ts";
import { strict } from "./kit.ts";

const modern = "2026-07-28";
const prefix = "io.modelcontextprotocol";

function outcome(text: string, versionHeader: string | null): string {
  const read = readMessage(strict(text), { idBytes: 256 });
  if (read.kind === "problem") throw new Error(read.message);
  const era = classify(read, versionHeader);
  if (era.ok) return `${era.value.era} ${era.value.protocol}`;
  return `${era.error.http} ${era.error.rpc}`;
}

function call(claim: unknown, more: object = { [`${prefix}/clientCapabilities`]: {} }): string {
  const _meta = {
    ...(claim === undefined ? {} : { [`${prefix}/protocolVersion`]: claim }),
    ...more,
  };
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "a", _meta },
  });
}

const initialize = '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}';
const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}';

describe("the ladder", () => {
  const rows: [string, string, string | null, string][] = [
    ["claim and header", call(modern), modern, `modern ${modern}`],
    ["claim without clientInfo is served", call(modern), modern, `modern ${modern}`],
    ["F18 claim, older header", call(modern), "2025-03-26", "400 -32020"],
    ["F18 claim, no header", call(modern), null, "400 -32020"],
    ["claim, other case in the header", call(modern), "2026-07-28 ", "400 -32020"],
    ["header without claim", call(undefined), modern, "400 -32602"],
    [
      "no _meta, modern header",
      call(undefined).replace(/"_meta":\{[^}]*\}\}?/, '"x":1'),
      modern,
      "400 -32602",
    ],
    ["claim of the wrong type", call(7), modern, "400 -32602"],
    ["claim of null", call(null), modern, "400 -32602"],
    ["unknown version", call("2099-01-01"), "2099-01-01", "400 -32022"],
    ["unknown version without claim", call(undefined), "2099-01-01", "400 -32022"],
    ["no capabilities", call(modern, {}), modern, "400 -32602"],
    [
      "capabilities not an object",
      call(modern, { [`${prefix}/clientCapabilities`]: 1 }),
      modern,
      "400 -32602",
    ],
    ["legacy claim", call("2025-11-25"), "2025-11-25", "legacy 2025-11-25"],
    ["legacy claim, modern header", call("2025-11-25"), modern, "400 -32020"],
    ["legacy", call(undefined), "2025-06-18", "legacy 2025-06-18"],
    ["legacy without header", call(undefined), null, "legacy undefined"],
    ["initialize", initialize, null, "legacy undefined"],
    ["initialize with any header", initialize, modern, "legacy undefined"],
    ["modern notification", cancelled, modern, `modern ${modern}`],
    ["legacy notification", cancelled, null, "legacy undefined"],
    ["response", '{"jsonrpc":"2.0","id":1,"result":{}}', null, "legacy undefined"],
  ];
  for (const [name, text, header, expected] of rows) {
    test(name, () => expect(outcome(text, header)).toBe(expected));
  }

  test("logLevel and clientInfo are checked", () => {
    const capabilities = { [`${prefix}/clientCapabilities`]: {} };
    const level = (value: unknown) =>
      call(modern, { ...capabilities, [`${prefix}/logLevel`]: value });
    expect(outcome(level("warning"), modern)).toBe(`modern ${modern}`);
    expect(outcome(level("loud"), modern)).toBe("400 -32602");
    const info = call(modern, { ...capabilities, [`${prefix}/clientInfo`]: "x" });
    expect(outcome(info, modern)).toBe("400 -32602");
  });

  test("-32022 names what is spoken and what was asked", () => {
    const read = readMessage(strict(call("2099-01-01")), { idBytes: 256 });
    const era = read.kind !== "problem" && classify(read, "2099-01-01");
    expect(era !== false && !era.ok && era.error.data).toEqual({
      supported: [modern],
      requested: "2099-01-01",
    });
  });
});

test("initialize gets the revision it asks for, or our newest legacy one", () => {
  for (const known of ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]) {
    expect(negotiate(known)).toBe(known);
    expect(eraOf(known)).toBe("legacy");
  }
  for (const other of [modern, "2024-10-07", "", 1, undefined, null]) {
    expect(negotiate(other)).toBe("2025-11-25");
  }
});

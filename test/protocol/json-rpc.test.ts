import { describe, expect, test } from "bun:test";
import { readMessage } from "../../src/protocol/json-rpc.ts";
import { callText, kindOf, request, strict, upstream } from "./kit.ts";

function withId(id: string): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;
}

describe("ids", () => {
  const taken = ["0", "1", "-7", "9007199254740991", '"a"', '"1"', '"\\u0061é"', '" "'];
  for (const id of taken) {
    test(`F22 ${id} is echoed byte for byte`, () => {
      expect(request(withId(id)).idText).toBe(id);
      expect(request(withId(id)).id).toBe(JSON.parse(id));
    });
  }
  const refused = ["9007199254740993", "1.0", "1e3", "1e2", "-0", "1.5", "null", "{}", "[]"];
  for (const id of [
    ...refused,
    '""',
    "true",
    `"${"x".repeat(257)}"`,
    `"${"x".repeat(1_000_000)}"`,
  ]) {
    test(`F22 ${id.slice(0, 24)} is refused`, () => expect(kindOf(withId(id))).toBe("GW_MESSAGE"));
  }
  test("F22 256 bytes pass", () => {
    expect(kindOf(withId(`"${"x".repeat(256)}"`))).toBe("request");
    expect(kindOf(withId(`"${"é".repeat(129)}"`))).toBe("GW_MESSAGE");
  });
  test("a problem carries the id that can be answered", () => {
    const read = readMessage(strict('{"jsonrpc":"2.0","id":"é","method":1}'), { idBytes: 256 });
    expect(read.kind === "problem" ? read.idText : undefined).toBe('"é"');
  });
});

describe("P2 P3 P15 keys that look like known ones", () => {
  const root = ["Method", "METHOD", "method ", "method\\u0000", "paramſ", "extra", "_meta", "ID"];
  for (const key of root) {
    test(`root ${key}`, () => {
      expect(kindOf(`{"jsonrpc":"2.0","id":1,"method":"ping","${key}":{}}`)).toStartWith("GW_");
    });
  }
  const twins = [
    "Name",
    "NAME",
    "name\\u0000",
    "na\\u200bme",
    "ｎａｍｅ",
    "name ",
    "\\u202ename",
    "paramſ\\u0000",
    "argumentſ",
    "Arguments",
    "tasK",
    "_Meta",
    "inputresponses",
    "RequestState",
    "URI",
  ];
  for (const key of twins) {
    test(`params ${key}`, () => {
      expect(kindOf(callText(`{"name":"a","${key}":"b"}`))).toStartWith("GW_");
      expect(kindOf(callText(`{"${key}":"b"}`))).toBe("GW_MESSAGE");
    });
  }
  for (const key of [
    "ProgressToken",
    "progresstoken\\u0000",
    "io.modelcontextprotocol/ProtocolVersion",
  ]) {
    test(`_meta ${key}`, () => {
      expect(kindOf(callText(`{"_meta":{"${key}":1}}`))).toBe("GW_MESSAGE");
    });
  }
  test("other keys pass, and arguments are the tool's own", () => {
    const params =
      '{"name":"a","x-ext":1,"names":2,"arguments":{"Name":1,"n\\u0000":2},"_meta":{"X":1}}';
    expect(kindOf(callText(params))).toBe("request");
  });
});

describe("shapes", () => {
  const rows: [string, string][] = [
    ['{"jsonrpc":"2.0","id":1,"method":"a"}', "request"],
    ['{"jsonrpc":"2.0","method":"a","params":{}}', "notification"],
    ['{"jsonrpc":"2.0","id":1,"result":{}}', "response"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"m"}}', "response"],
    ['{"jsonrpc":"2.0","id":1,"error":{"code":"1","message":"m"}}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":-1,"message":"m"}}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"method":"a","result":{}}', "GW_MESSAGE"],
    ['{"jsonrpc":"1.0","id":1,"method":"a"}', "GW_MESSAGE"],
    ['{"id":1,"method":"a"}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"method":""}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"method":7}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0"}', "GW_MESSAGE"],
    ["{}", "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"method":"a","params":[]}', "GW_MESSAGE"],
    ['{"jsonrpc":"2.0","id":1,"method":"a","params":null}', "GW_MESSAGE"],
    [callText('{"name":"a","arguments":null}'), "GW_PARAMS"],
    [callText('{"name":"a","arguments":[]}'), "GW_PARAMS"],
    [callText('{"name":"a","_meta":1}'), "GW_PARAMS"],
    [callText('{"name":"a","_meta":{"progressToken":1.5}}'), "GW_PARAMS"],
    [callText('{"name":"a","_meta":{"progressToken":{}}}'), "GW_PARAMS"],
    ['[{"jsonrpc":"2.0","id":1,"method":"a"}]', "GW_MESSAGE"],
    ["[]", "GW_MESSAGE"],
  ];
  for (const [text, expected] of rows) {
    test(`${expected}: ${text}`, () => expect(kindOf(text)).toBe(expected));
  }
  test("P37 absent arguments are no fault, absent params are {}", () => {
    expect(request(callText('{"name":"a"}')).params).toEqual({ name: "a" });
    expect(request(withId("1")).params).toEqual({});
  });
});

describe("what servers send", () => {
  function kind(text: string): string {
    const read = readMessage(upstream(text), { idBytes: 256, from: "server" });
    return read.kind === "problem" ? read.message : read.kind;
  }
  test("additions to the root and a null error are borne, wrong types are not (U21)", () => {
    expect(kind('{"jsonrpc":"2.0","id":1,"result":{},"error":null,"took":3}')).toBe("response");
    expect(kind('{"jsonrpc":"2.0","id":1,"result":5}')).toBe('"result" must be an object');
    expect(kind('{"jsonrpc":"2.0","method":"m","params":{"Name":1}}')).toBe("notification");
  });
});

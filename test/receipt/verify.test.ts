import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  chainFrom,
  createLinker,
  linkHash,
  noPrev,
  parseReceiptId,
  receiptId,
} from "../../src/receipt/chain.ts";
import { decodeBody, joinRow } from "../../src/receipt/decode.ts";
import {
  adminBody,
  callRecordBody,
  closeBody,
  intentBody,
  openBody,
  outcomeBody,
  recoveryBody,
  refusalBody,
} from "../../src/receipt/encode.ts";
import type { ChainRecord, EndFields, RecordKind } from "../../src/receipt/model.ts";
import { verifyRecords } from "../../src/receipt/verify.ts";
import { call, end, refusal } from "../audit/world.ts";

const chain = "b48ac268-cb36-4cf2-af5d-b5089822bf86";
const open = { build: "t", dir: "/d", prevChain: "", prevSeq: -1, prevHead: "" };

function records(bodies: readonly [RecordKind, string][], id = chain): ChainRecord[] {
  const linker = createLinker(id, 0, noPrev);
  return bodies.map(([kind, text], seq) => {
    const prev = linker.head;
    const { body, hash } = linker.link(text);
    return { chain: id, seq, kind, prev, hash, body: new Uint8Array(body) };
  });
}

const good = (): ChainRecord[] =>
  records([
    ["open", openBody(open, 1)],
    ["intent", intentBody(call("a"), 2)],
    ["intent", intentBody(call("b"), 3)],
    ["outcome", outcomeBody(end(2), 4)],
    ["refusal", refusalBody(refusal("c"), 5)],
    ["outcome", outcomeBody(end(1), 6)],
    ["call", callBody("d")],
    ["admin", adminBody("keys.create", "k1", { name: "x" }, 7)],
    ["recovery", recoveryBody({ lostBytes: 0, openIntents: 0 }, 8)],
    ["close", closeBody("stop", 9)],
  ]);

function callBody(tool: string, more: Partial<EndFields> = {}): string {
  const record = { kind: "call", fields: call(tool), end: { ...end(0), ...more }, at: 6 } as const;
  return callRecordBody(record);
}

async function badOf(list: readonly ChainRecord[]): Promise<string> {
  const { ok, bad } = await verifyRecords(list);
  return ok ? "ok" : `${bad?.seq} ${bad?.why}`;
}

describe("what a server asked its client", () => {
  const asked = [
    { method: "elicitation/create", paramsHash: "a".repeat(64), end: "accept" },
    { method: 'odd "name"', paramsHash: "b".repeat(64), end: "denied" },
  ] as const;

  test("it is in the outcome and comes back", () => {
    const body = new TextEncoder().encode(outcomeBody({ ...end(0), asked }, 1));
    const decoded = decodeBody(body);
    expect(decoded.ok && decoded.value).toMatchObject({ kind: "outcome", fields: { asked } });
  });

  test("a call without questions has the record it always had", () => {
    const plain = outcomeBody(end(0), 1);
    expect(plain).not.toContain("asked");
    for (const none of [undefined, []])
      expect(outcomeBody({ ...end(0), asked: none }, 1)).toBe(plain);
    const decoded = decodeBody(new TextEncoder().encode(plain));
    expect(decoded.ok && "asked" in decoded.value.fields).toBe(false);
  });

  test("what is no list of questions does not fit", () => {
    const plain = outcomeBody(end(0), 1).slice(0, -1);
    for (const odd of [
      "5",
      "[5]",
      '[{"method":"m"}]',
      '[{"method":"m","params_hash":"","end":"x"}]',
    ]) {
      expect(decodeBody(new TextEncoder().encode(`${plain},"asked":${odd}}`)).ok).toBe(false);
    }
  });
});

describe("verify", () => {
  test("A1 a whole chain is well; each flipped byte of a body names its record", async () => {
    expect(await badOf(good())).toBe("ok");
    const sizes = good().map((one) => one.body.length);
    for (const [seq, size] of sizes.entries()) {
      for (let at = 0; at < size; at += 1) {
        const list = good();
        list[seq]!.body[at]! ^= 1;
        expect(await badOf(list)).toStartWith(`${seq} `);
      }
    }
  });

  test("A1 a flipped bit of hash, prev or kind names its record", async () => {
    for (let seq = 0; seq < good().length; seq += 1) {
      for (const part of ["hash", "prev"] as const) {
        const list = good();
        const copy = new Uint8Array(list[seq]![part]);
        copy[5]! ^= 4;
        list[seq] = { ...list[seq]!, [part]: copy };
        expect(await badOf(list)).toStartWith(`${seq} `);
      }
    }
    const list = good();
    list[4] = { ...list[4]!, kind: "intent" };
    expect(await badOf(list)).toStartWith("4 kind");
  });

  test("A2 deleted, doubled, swapped, inserted records are found", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 4 }),
        async (at, how) => {
          const list = good();
          const one = list[at]!;
          if (how === 0) list.splice(at, 1);
          if (how === 1) list.splice(at, 0, one);
          if (how === 2) list.splice(at, 2, list[at + 1]!, one);
          if (how === 3) list.splice(at, 0, { ...one, seq: at });
          if (how === 4) list[at] = { ...one, seq: one.seq + 1 };
          expect(await badOf(list)).not.toBe("ok");
        },
      ),
    );
  });

  test("A12 one end for each intent: none, two, a strange one is found", async () => {
    const start: [RecordKind, string][] = [
      ["open", openBody(open, 1)],
      ["intent", intentBody(call("a"), 2)],
    ];
    const done: [RecordKind, string] = ["outcome", outcomeBody(end(1), 3)];
    expect(await badOf(records([...start, ["close", closeBody("stop", 3)]]))).toStartWith(
      "2 closed",
    );
    expect(await badOf(records([...start, done, done]))).toStartWith("3 intent 1");
    expect(await badOf(records([...start, ["outcome", outcomeBody(end(0), 3)]]))).toStartWith("2 ");
    expect(await badOf(records([...start, ["outcome", outcomeBody(end(9), 3)]]))).toStartWith("2 ");
    const whole: [RecordKind, string] = ["call", callBody("b")];
    const second: [RecordKind, string] = ["outcome", outcomeBody(end(2), 3)];
    expect(await badOf(records([...start, whole, second]))).toStartWith("3 intent 2");
    expect(await badOf(records([...start, done, whole]))).toBe("ok");
    expect(await badOf(records([...start, done, ["open", openBody(open, 1)]]))).toStartWith(
      "3 open",
    );
    expect(await badOf(records([["intent", intentBody(call("a"), 2)]]))).toStartWith("0 open");
  });

  test("A2 a tail cut off a chain is found by the chain after it", async () => {
    const first = good();
    const last = first.at(-1)!;
    const next = chainFrom(new Uint8Array(16).fill(9));
    const prevHead = Buffer.from(last.hash).toString("hex");
    const body = openBody({ ...open, prevChain: chain, prevSeq: last.seq, prevHead }, 10);
    const second = records([["open", body]], next);
    expect(await badOf([...first, ...second])).toBe("ok");
    expect(await badOf([...first.slice(0, -1), ...second])).toStartWith("0 the chain before it");
  });

  test("a stream from the middle verifies against an anchor", async () => {
    const list = good();
    const anchor = { chain, seq: 3, hash: list[3]!.hash };
    const report = await verifyRecords(list.slice(4), [anchor]);
    expect(report.ok).toBe(true);
    expect(report.chains[0]).toMatchObject({ firstSeq: 4, lastSeq: 9, closed: true });
    expect((await verifyRecords(list.slice(4))).ok).toBe(false);
  });
});

describe("chain", () => {
  test("A9 the hash is that of the documented preimage", () => {
    const body = Buffer.from('{"x":"ü"}');
    const number = (value: bigint): Buffer => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(value);
      return bytes;
    };
    const seq = 2 ** 40 + 7;
    const id = Buffer.from(chain.replaceAll("-", ""), "hex");
    const expected = createHash("sha256")
      .update("authensor/receipt/v1\0")
      .update(Buffer.concat([id, number(BigInt(seq)), noPrev, number(BigInt(body.length)), body]))
      .digest("hex");
    expect(Buffer.from(linkHash(id, seq, noPrev, body)).toString("hex")).toBe(expected);
    const linker = createLinker(chain, seq, noPrev);
    expect(Buffer.from(linker.link(body.toString()).hash).toString("hex")).toBe(expected);
  });

  test("bodies of any length, one behind the other, are linked as each alone", () => {
    const linker = createLinker(chain, 0, noPrev);
    const id = Buffer.from(chain.replaceAll("-", ""), "hex");
    let prev: Uint8Array = noPrev;
    // What is kept for a length must not be that of the memory before it grew.
    const lengths = [5, 300, 1023, 1024, 20_000, 5, 300, 1023, 1024, 90_000, 300, 5, 1023, 1024];
    lengths.forEach((length, seq) => {
      const body = String.fromCharCode(97 + seq).repeat(length);
      const linked = linker.link(body);
      prev = linkHash(id, seq, prev, Buffer.from(body));
      expect(Buffer.from(linked.body).toString()).toBe(body);
      expect(Buffer.from(linked.hash)).toEqual(Buffer.from(prev));
    });
  });

  test("receipt ids", () => {
    expect(receiptId(chain, 42)).toBe("r-b48ac268cb36-42");
    expect(parseReceiptId("r-b48ac268cb36-42")).toEqual({ prefix: "b48ac268cb36", seq: 42 });
    for (const bad of [
      "",
      "r-b48ac268cb36",
      "r-b48ac268cb36-",
      "r-b48ac268cb36-04",
      "x-b48ac268cb36-4",
      "r-B48ac268cb36-4",
      "r-b48ac268cb3-4",
      "r-b48ac268cb36-4-5",
      "r-b48ac268cb36-1e3",
    ]) {
      expect(parseReceiptId(bad)).toBeUndefined();
    }
  });
});

describe("bodies", () => {
  test("A10 any text survives: encode, parse, same fields", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), fc.integer(), (text, at) => {
        const fields = {
          ...call(text),
          keyName: text,
          client: text,
          rules: [text, text],
          rule: text,
        };
        const body = decodeBody(new TextEncoder().encode(intentBody(fields, at)));
        expect(body).toEqual({ ok: true, value: { kind: "intent", at, fields } });
        const asked = [{ method: text, paramsHash: text, end: "accept" }] as const;
        const { of: _, ...plain } = { ...end(0, text), code: text, outcome: "timeout" } as const;
        for (const more of [plain, { ...plain, queueMs: 2.5 }, { ...plain, asked }]) {
          const one = { kind: "call", fields, end: more, at } as const;
          const whole = decodeBody(new TextEncoder().encode(callRecordBody(one)));
          expect(whole).toEqual({ ok: true, value: one });
        }
      }),
    );
  });

  test("A10 lone surrogates, control characters, long texts: JSON all the same", () => {
    for (const text of ["\ud800", "\u0000\u001f\u007f\u2028", '"\\', "x".repeat(5000)]) {
      const body = decodeBody(new TextEncoder().encode(outcomeBody({ ...end(1), code: text }, 1)));
      expect(body.ok && body.value.kind).toBe("outcome");
    }
    const body = outcomeBody({ ...end(1), tookMs: Number.NaN, serverMs: 1 / 3 }, 1);
    expect(body).toEndWith('"took_ms":0,"server_ms":0.333}');
  });

  test("times have at most three decimals, in the text that JSON gives the number", () => {
    const times = fc.oneof(
      fc.double(),
      fc.double({ min: 0, max: 1e6 }),
      fc.nat(),
      fc.nat().map((n) => n / 1000),
    );
    const exact = (ms: number) => (Number.isFinite(ms) ? Math.round(ms * 1000) / 1000 : 0);
    fc.assert(
      fc.property(times, (ms) => {
        const body = outcomeBody({ ...end(1), tookMs: ms, serverMs: 0 }, 1);
        const wanted = Number.isInteger(ms) ? String(ms) : String(exact(ms));
        expect(body).toContain(`"took_ms":${wanted},`);
      }),
      { numRuns: 2000 },
    );
  });

  test("the members stand in a fixed order", () => {
    expect(outcomeBody(end(7, "h"), 5)).toBe(
      '{"v":1,"kind":"outcome","at":5,"of":7,"outcome":"ok","code":"","result_hash":"h",' +
        '"result_bytes":5,"took_ms":1.5,"server_ms":1}',
    );
    expect(intentBody(call("a"), 5)).toStartWith(
      '{"v":1,"kind":"intent","at":5,"key":"k1","key_name":"me"',
    );
    // A call: what its intent says up to code and outcome, then what its outcome says but `of`.
    const intent = intentBody(call("d"), 6).replace(',"code":"","outcome":""', "");
    const outcome = outcomeBody(end(1, "h"), 6).replace(/^.*"of":1/, "");
    expect(callBody("d", { resultHash: "h" })).toBe(
      intent.replace('"intent"', '"call"').replace(/}$/, "") + outcome,
    );
  });

  test("what does not fit is named, never thrown", () => {
    const of = (text: string): string => {
      const body = decodeBody(Buffer.from(text));
      return body.ok ? "ok" : body.error;
    };
    expect(of("{")).toBe("the body is not JSON");
    expect(of("[]")).toBe("the body is not an object");
    expect(of('{"v":2}')).toBe("body version 2");
    expect(of('{"v":1,"kind":"x","at":1}')).toBe('unknown kind "x"');
    expect(of('{"v":1,"kind":"close"}')).toBe('the body lacks "at"');
    expect(of('{"v":1,"kind":"close","at":"1"}')).toBe('"at" is not a number');
    expect(of(outcomeBody(end(1), 1).replace('"ok"', '"fine"'))).toBe('unexpected value "fine"');
    expect(of(callBody("t").replace('"ok"', '""'))).toBe('unexpected value ""');
    expect(of(callBody("t").replace(',"took_ms":1.5', ""))).toBe('the body lacks "took_ms"');
    expect(decodeBody(Uint8Array.of(0xff)).ok).toBe(false);
  });

  test("rows for people", () => {
    const at = Date.UTC(2026, 0, 2);
    expect(joinRow(chain, 4, at, call("t"), undefined)).toEqual({
      id: "r-b48ac268cb36-4",
      seq: 4,
      time: "2026-01-02T00:00:00.000Z",
      key: "me",
      server: "files",
      tool: "files/t",
      effect: "allow",
      rule: "r",
      outcome: null,
      code: null,
      args_bytes: 10,
      result_bytes: null,
      took_ms: null,
    });
    expect(joinRow(chain, 4, at, call("t"), end(4))).toMatchObject({
      outcome: "ok",
      result_bytes: 5,
      took_ms: 1.5,
    });
    expect(joinRow(chain, 4, at, refusal("t"), undefined)).toMatchObject({
      outcome: "denied",
      took_ms: 0.011,
    });
    const bare = { ...refusal("t"), server: "", rule: "" };
    expect(joinRow(chain, 4, at, bare, undefined)).toMatchObject({ tool: "t", rule: null });
  });
});

/**
 * Every file of test/cases/translate: what one era said, and what the other gets, byte for byte.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CacheHints, notKept } from "../../../src/protocol/cache-hints.ts";
import type { ListMethod } from "../../../src/protocol/lists.ts";
import type { Era } from "../../../src/protocol/message.ts";
import { capabilitiesFor } from "../../../src/protocol/translate/capabilities.ts";
import { refNamed } from "../../../src/protocol/translate/completion.ts";
import { errorFor } from "../../../src/protocol/translate/errors.ts";
import {
  readInputRequired,
  rewrapped,
  toLegacyAnswer,
  toLegacyQuestion,
  toModernQuestion,
} from "../../../src/protocol/translate/input-required.ts";
import { itemFor, listResult } from "../../../src/protocol/translate/lists.ts";
import { outgoingParams, paramsHead } from "../../../src/protocol/translate/params.ts";
import { resultFor } from "../../../src/protocol/translate/results.ts";
import { renamed, toolFor } from "../../../src/protocol/translate/tools-list.ts";
import { bytesOf, callText, joined, request, upstream } from "../kit.ts";

interface Case {
  readonly name: string;
  readonly from?: Era;
  readonly to: Era;
  /** JSON text. */
  readonly in: string;
  /** JSON text; null when it cannot be carried. */
  readonly out: string | null;
}

function toldResult(method: string, from: Era, to: Era, text: string): string | null {
  const message = upstream(`{"jsonrpc":"2.0","id":1,"result":${text}}`);
  const result = resultFor(method, message, bytesOf(text), from, to);
  if (typeof result === "string") return null;
  return joined(result instanceof Uint8Array ? [result] : result);
}

const run: Readonly<Record<string, (from: Era, to: Era, text: string) => string | null>> = {
  "call-params.json": (from, to, text) => {
    const message = request(callText(text));
    const out = {
      head: paramsHead("own"),
      args: message.body.part("arguments", "params"),
      from,
      id: 77,
      era: to,
      capabilitiesText: "{}",
      clientInfoText: '{"name":"g"}',
    };
    return joined(outgoingParams(message, out));
  },
  "call-result.json": (from, to, text) => toldResult("tools/call", from, to, text),
  "read-result.json": (from, to, text) => toldResult("resources/read", from, to, text),
  "read-error.json": (from, to, text) => {
    const message = upstream(`{"jsonrpc":"2.0","id":1,"error":${text}}`);
    const told = errorFor("resources/read", message, from, to);
    return typeof told === "string" ? told : `${told.status} ${joined(told.error)}`;
  },
  "input-required.json": (_from, _to, text) => {
    const read = readInputRequired(upstream(`{"jsonrpc":"2.0","id":1,"result":${text}}`));
    if (!read.ok) return null;
    const { requests, state } = read.value;
    const lines = requests.map((one) => `${one.method} ${joined(toLegacyQuestion(one, "id"))}`);
    return [...lines, `state ${state}`].join("\n");
  },
  "input-rewrapped.json": (_from, _to, text) => {
    const message = upstream(`{"jsonrpc":"2.0","id":1,"result":${text}}`);
    const read = readInputRequired(message);
    return read.ok ? joined(rewrapped(message, read.value.requests, "ours")) : null;
  },
  "question.json": (_from, _to, text) =>
    joined([toModernQuestion("elicitation/create", bytesOf(text))]),
  "client-answer.json": (_from, _to, text) => joined([toLegacyAnswer(bytesOf(text))]),
  "completion-ref.json": (_from, _to, text) => joined(refNamed(bytesOf(text), "own")),
  "capabilities.json": (from, _to, text) => capabilitiesFor(text, from),
  "tool.json": (from, to, text) => toolFor(text, JSON.parse(text), to, from) ?? null,
  "tool-name.json": (_from, _to, text) => renamed(text, JSON.parse(text), "srv__a"),
  "list-item.json": (from, to, text) => {
    const { method, item } = parts(text);
    return itemFor(method as ListMethod, item, JSON.parse(item), to, from) ?? null;
  },
  "list-result.json": (_from, to, text) => {
    const { method, item, next, hints } = parts(text);
    return listResult(method as ListMethod, item, next, to, hints ?? notKept);
  },
};

/** A first line of JSON, then the text as it is. */
function parts(text: string): {
  method: string;
  item: string;
  next?: string;
  hints?: CacheHints;
} {
  const [head = "", item = ""] = text.split("\n");
  return { ...JSON.parse(head), item };
}

const folder = join(import.meta.dirname, "../../cases/translate");

for (const file of readdirSync(folder)) {
  describe(file, () => {
    const cases = JSON.parse(readFileSync(join(folder, file), "utf8")) as Case[];
    for (const { name, from, to, in: given, out } of cases) {
      test(name, () => {
        const got = run[file]?.(from ?? "legacy", to, given);
        expect(got).toBe(out);
        if (typeof got === "string" && got.startsWith("{")) JSON.parse(got);
      });
    }
  });
}

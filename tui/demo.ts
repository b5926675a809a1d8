/** `tui --demo`: the scripted gateway as a source like any other, with a clock of its own. */

import { type ListedTool, paths, type ReceiptDetail, type ToolWhy } from "../src/admin/contract.ts";
import { createScript, demoZero, type Script, scriptLength } from "./demo-script.ts";
import { demoKeys, demoTools } from "./demo-tools.ts";
import type { Source, Watcher } from "./live.ts";

/** Batches come as often as a gateway sends them. */
const batchMs = 100;

/**
 * The same picture at every start: the clock begins at a fixed moment and goes on as time does.
 * After half an hour it begins anew. `mono`: ms of a clock that never goes back.
 */
export function demoSource(mono: () => number = () => performance.now(), seed = 1): Source {
  let opened = mono();
  let script: Script = createScript(seed);
  const played = () => Math.min(scriptLength, mono() - opened);
  return {
    place: "demo",
    now: () => demoZero + played(),
    watch(on: Watcher) {
      on.snapshot(script.snapshot());
      const timer = setInterval(() => {
        if (played() < scriptLength) {
          on.batch(script.advance(played()));
          return;
        }
        opened = mono();
        script = createScript(seed);
        on.snapshot(script.snapshot());
      }, batchMs);
      return () => clearInterval(timer);
    },
    get: async <T>(path: string, query: Readonly<Record<string, string | undefined>> = {}) =>
      answer(path, query) as T,
    post: () => Promise.reject(new Error("this is the demo: there is nothing to change")),
  };
}

function answer(path: string, query: Readonly<Record<string, string | undefined>>): unknown {
  switch (path) {
    case paths.tools:
      return demoTools(query["key"] ?? "");
    case paths.keys:
      return demoKeys(demoZero);
    case paths.why:
      return whyOf(query["tool"] ?? "", query["key"] ?? "");
    case paths.receipt:
      return receiptOf(query["id"] ?? "");
    default:
      throw new Error(`the demo does not answer ${path}`);
  }
}

function whyOf(name: string, key: string): ToolWhy {
  const tool = demoTools(key).find((one) => one.tool === name);
  const visible = tool?.visible === "allow" || tool?.visible === "depends";
  const shown = { tool: name, key, visible, visibility: tool?.visible ?? null };
  if (tool === undefined) return { ...shown, why: "The server offers no such tool" };
  return { ...shown, why: sentence(tool) };
}

function sentence({ held_back, exposed, by, visible }: ListedTool): string {
  if (held_back !== null) return `It is held back: ${held_back}`;
  const [first] = by;
  if (first === undefined)
    return "No rule of the policy allows it for this key: add one, then authensor-gw reload";
  const rule = `rule "${first.rule}" (${first.at})`;
  if (visible === "deny") return `The ${rule} denies it`;
  if (visible === "allow")
    return `It is offered as "${exposed}", and every call is allowed, by ${rule}`;
  const names = by.map((one) => `rule "${one.rule}" (${one.at}) to ${one.effect}`).join(", ");
  return `It is offered as "${exposed}"; the arguments decide each call: ${names}`;
}

/** Intent and outcome, with digests that are none: they only look like it. */
function receiptOf(id: string): ReceiptDetail {
  const seq = Number(id.slice(id.lastIndexOf("-") + 1));
  const record = (kind: string, offset: number) => ({
    seq: seq + offset,
    kind,
    hash: digest(seq + offset),
    prev: digest(seq + offset - 1),
    body: JSON.stringify({ kind, seq: seq + offset, note: "a receipt of the scripted demo" }),
  });
  const records = [record("intent", 0), record("outcome", 1)];
  return { id, chain: "5c09d1e7a24b4f6d8e13a7b2c9d0f415", records };
}

function digest(seed: number): string {
  let state = (seed * 2_654_435_761) >>> 0;
  let text = "";
  for (let part = 0; part < 8; part++) {
    state = (Math.imul(state ^ (state >>> 13), 1_540_483_477) + part) >>> 0;
    text += state.toString(16).padStart(8, "0");
  }
  return text;
}

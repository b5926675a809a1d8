/** One call: who, what, which rule, where the time went, and its receipt. */

import type { LiveCall, ReceiptDetail } from "../../src/admin/contract.ts";
import { hiddenCharacters } from "../../src/base/printable.ts";
import { roundSize } from "../../src/base/round-size.ts";
import {
  amount,
  bar,
  type Cell,
  clockMs,
  countdown,
  heading,
  type Line,
  limitText,
  sparkline,
  type Tone,
  toHeight,
  toLine,
  took,
  wrap,
} from "../cells.ts";
import type { Scene, Size } from "../screen.ts";

export const callTabs = ["Summary", "Receipt", "JSON"] as const;

/** What a stage is for the reader; `waiting` is until policy has decided. */
export const stageWords: Readonly<Record<LiveCall["stage"], string>> = {
  ...{ waiting: "policy", intent: "receipt", queue: "queue", server: "server" },
  ...{ client: "client", outcome: "closing", over: "over" },
};

export function outcomeTone(outcome: string | null): Tone {
  if (outcome === "ok") return "ok";
  if (outcome === null) return "info";
  return ["denied", "held", "limited", "expired", "cancelled"].includes(outcome) ? "warn" : "bad";
}

/** `no-delete :31` or `no-delete policies/prod.yaml:31`; "" where no rule decided. */
export function decisionText({ decision }: LiveCall, how: "line" | "full"): string {
  if (decision === null) return "";
  const rule = decision.rule ?? (decision.effect === "deny" ? "no rule allows it" : "");
  if (decision.at === null) return rule;
  const at = how === "full" ? decision.at : decision.at.slice(decision.at.lastIndexOf(":"));
  return rule === "" ? at : `${rule} ${at}`;
}

/** `page`: with crumbs and tabs, as a page of its own; otherwise the preview beside the list. */
export function callLines(
  call: LiveCall,
  scene: Scene,
  size: Size,
  page: boolean,
): readonly Line[] {
  const { columns } = size;
  const tab = page ? (callTabs[scene.page.tab] ?? "Summary") : "Summary";
  const head = page ? pageHead(call, tab, columns) : [previewHead(call, columns)];
  const body =
    tab === "Receipt"
      ? receiptLines(call, scene, columns)
      : tab === "JSON"
        ? jsonLines(JSON.stringify(call, null, 2), columns)
        : summaryLines(call, scene, columns);
  const room = Math.max(0, size.rows - head.length);
  const scroll = page ? Math.max(0, Math.min(scene.page.scroll, body.length - room)) : 0;
  return toHeight([...head, ...body.slice(scroll)], size.rows, columns);
}

function stateWord(call: LiveCall): string {
  return call.outcome ?? stageWords[call.stage];
}

function pageHead(call: LiveCall, tab: string, width: number): readonly Line[] {
  const ms = call.tookMs === null ? "" : `  ${took(call.tookMs)}`;
  const crumbs: Cell[] = [
    { text: ` Calls > ${call.id}  ` },
    { text: call.tool, tone: "strong" },
    { text: `  ${stateWord(call)}`, tone: outcomeTone(call.outcome) },
    { text: ms },
  ];
  const tabs = callTabs.map((name): Cell => {
    return name === tab ? { text: `[${name}]`, tone: "picked" } : { text: ` ${name} ` };
  });
  return [toLine(crumbs, width, 0), toLine([" ", ...tabs, ""], width, 0)];
}

function previewHead(call: LiveCall, width: number): Line {
  return heading(`${call.tool}   ${call.id}`, stateWord(call), width);
}

function summaryLines(call: LiveCall, scene: Scene, width: number): readonly Line[] {
  const rows = [...whoRows(call, scene), ...outcomeRows(call)];
  const total = call.tookMs ?? scene.now - call.startedMs;
  return [
    heading("Summary", "", width),
    ...rows.flatMap(([name, text, tone]) => fieldLines(name, text, tone, width)),
    heading("Where the time went", `total ${took(total)}`, width),
    ...waterfall(call, scene, width),
    ...toolLines(call, scene, width),
  ];
}

type Row = readonly [name: string, text: string, tone?: Tone];

function whoRows(call: LiveCall, scene: Scene): readonly Row[] {
  const out = call.era.out === null ? "" : ` > ${call.era.out}`;
  const bridged = call.era.out !== null && call.era.out !== call.era.in ? " (bridged)" : "";
  const session = call.session === "" ? "none" : call.session;
  const client = call.client === "" ? "" : `   client ${call.client} (its own word)`;
  return [
    ["key", `${call.key}${client}`],
    ["session", `${session}   ${call.protocol} ${call.era.in}${out}${bridged}`],
    ["started", `${clockMs(call.startedMs)}   ${took(scene.now - call.startedMs)} ago`],
    ["sizes", `${roundSize(call.argsBytes)} in, ${roundSize(call.resultBytes)} out`],
    ...droppedRows(call),
    ...deadlineRows(call, scene),
  ];
}

function droppedRows({ dropped }: LiveCall): readonly Row[] {
  if (dropped === 0) return [];
  return [["dropped", `${amount(dropped)} progress and log messages came too fast`, "warn"]];
}

function deadlineRows({ deadline }: LiveCall, scene: Scene): readonly Row[] {
  if (deadline === null) return [];
  const now = scene.live.link.state === "lost" ? scene.live.link.heardMs : scene.now;
  const left = Math.max(0, deadline.atMs - now);
  const resets =
    deadline.which === "idle"
      ? `progress resets it, ${deadline.progress} so far`
      : deadline.which === "client"
        ? "the server asked it something"
        : "progress does not reset it";
  const share = deadline.limitMs > 0 ? left / deadline.limitMs : 0;
  const tone: Tone = share < 0.1 ? "bad" : share < 0.25 ? "warn" : "plain";
  return [
    ["deadline", `${limitText(deadline.limitMs)} by ${deadline.setting}; ${resets}`],
    [
      "left",
      `${countdown(left).padStart(6)}  ${bar(share, 20)}${share < 0.1 ? "  soon" : ""}`,
      tone,
    ],
  ];
}

function outcomeRows(call: LiveCall): readonly Row[] {
  const { decision } = call;
  const rows: Row[] = [];
  if (decision !== null) {
    const by = decisionText(call, "full");
    const tone: Tone = decision.effect === "allow" ? "plain" : "warn";
    rows.push(["decision", `${decision.effect}${by === "" ? "" : ` by ${by}`}`, tone]);
  }
  if (call.outcome !== null) {
    const code = call.code === null ? "" : `   ${call.code}`;
    rows.push(["outcome", `${call.outcome}${code}`, outcomeTone(call.outcome)]);
  }
  if (call.why !== null) rows.push(["because", call.why]);
  const hint = decision?.hint ?? null;
  if (hint !== null) rows.push(["told it", hint]);
  if (call.receipt !== null) rows.push(["receipt", call.receipt]);
  const hidden = hiddenCharacters(`${call.tool}${call.client}${call.why ?? ""}`);
  if (hidden > 0) rows.push(["note", `${hidden} control or hidden characters are shown as marks`]);
  return rows;
}

/** A field's text goes on in further lines; it is never cut. */
export function fieldLines(
  name: string,
  text: string,
  tone: Tone | undefined,
  width: number,
): Line[] {
  const lines = wrap(text, Math.max(10, width - 12));
  return lines.map((line, at) =>
    toLine(
      [
        { text: at === 0 ? ` ${name}` : "", width: 10, tone: "dim" },
        { text: line, tone: tone ?? "plain" },
      ],
      width,
    ),
  );
}

type StageName = keyof LiveCall["timings"];

const stages: readonly (readonly [StageName, string, LiveCall["stage"]])[] = [
  ["decide", "received, auth, policy", "waiting"],
  ["intent", "receipt opened on disk", "intent"],
  ["queue", "waited for its turn", "queue"],
  ["server", "server", "server"],
  ["outcome", "receipt closed on disk", "outcome"],
];

/** Bars are against the longest stage; the stage of a call in flight grows. */
function waterfall(call: LiveCall, scene: Scene, width: number): readonly Line[] {
  const now = scene.live.link.state === "lost" ? scene.live.link.heardMs : scene.now;
  const waited = call.stage === "queue" || call.timings.queue !== null;
  const shown = stages.filter(([name]) => waited || name !== "queue");
  const spent = shown.map(([name, label, stage]) => {
    const running = (call.stage === "client" ? "server" : call.stage) === stage;
    return { label, running, ms: running ? now - call.stageMs : call.timings[name] };
  });
  const most = Math.max(...spent.map(({ ms }) => ms ?? 0), 0.001);
  const room = Math.max(4, Math.min(40, width - 44));
  return spent.map(({ label, running, ms }) => {
    const never = call.stage === "over" && ms === null;
    const filled = ms === null ? "" : bar(ms / most, room).replaceAll("░", "");
    const end = running ? " now" : never && label === "server" ? "never sent" : "";
    return toLine(
      [
        { text: ` ${label}`, width: 24, tone: "dim" },
        { text: ms === null ? "-" : took(ms), width: 7, align: "right" },
        {
          text: ` ${filled === "" && ms !== null ? "▏" : filled}${end}`,
          tone: running ? "info" : "plain",
        },
      ],
      width,
    );
  });
}

/** How this tool did the last times. */
function toolLines(call: LiveCall, scene: Scene, width: number): readonly Line[] {
  const others = scene.live.recent.filter((one) => one.tool === call.tool).slice(0, 50);
  const times = others.flatMap((one) => (one.tookMs === null ? [] : [one.tookMs]));
  if (times.length < 2) return [];
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => took(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  const failed = others.filter((one) => one.outcome !== "ok").length;
  return [
    heading(`This tool, last ${times.length}`, `p50 ${at(0.5)}  p95 ${at(0.95)}`, width),
    toLine([` ${sparkline(times.reverse(), Math.min(50, width - 2))}`], width),
    toLine([{ text: ` ${failed} of ${others.length} not ok`, tone: "dim" }], width),
  ];
}

function receiptLines(call: LiveCall, scene: Scene, width: number): readonly Line[] {
  const { receipt } = scene.live.answers;
  const note = (text: string): Line => toLine([` ${text}`], width);
  if (call.receipt === null) return [note("no receipt yet: it is written when policy has decided")];
  if (receipt === undefined || receipt.id !== call.receipt)
    return [note("not asked for yet: esc, enter")];
  if (receipt.state === "waiting") return [note(`asking for ${call.receipt}`)];
  if (receipt.state === "failed") return fieldLines("failed", receipt.why, "bad", width);
  return recordLines(receipt.value, width);
}

function recordLines(detail: ReceiptDetail, width: number): readonly Line[] {
  const lines: Line[] = fieldLines("chain", detail.chain, undefined, width);
  for (const { kind, seq, hash, prev, body } of detail.records) {
    lines.push(heading(`${kind}, seq ${seq}`, "", width));
    lines.push(...fieldLines("hash", hash, undefined, width));
    lines.push(...fieldLines("prev", prev, undefined, width));
    for (const [name, value] of Object.entries(membersOf(body))) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      if (text === "" || text === "[]") continue;
      lines.push(toLine([{ text: ` ${name}`, width: 18, tone: "dim" }, text], width));
    }
  }
  return lines;
}

/** A record that somebody changed in the store need not be JSON any more: it is shown as it is. */
function membersOf(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Shown below.
  }
  return { body };
}

function jsonLines(text: string, width: number): readonly Line[] {
  return text.split("\n").map((line) => toLine([` ${line}`], width));
}

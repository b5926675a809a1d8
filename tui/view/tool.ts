/** One tool: what becomes of it for this key, by which rules, and what could be done. */

import type { ToolRule } from "../../src/admin/contract.ts";
import {
  amount,
  heading,
  type Line,
  span,
  type Tone,
  toHeight,
  toLine,
  took,
  wrap,
} from "../cells.ts";
import { quoted } from "../copy.ts";
import type { Scene, Size } from "../screen.ts";
import type { ToolRow, ToolState } from "../tool-rows.ts";
import { fieldLines, outcomeTone } from "./call.ts";

export function stateTone(state: ToolState): Tone {
  if (state === "bad" || state === "down") return "bad";
  if (state === "hidden" || state === "ask" || state === "missing") return "warn";
  return state === "shown" ? "ok" : "plain";
}

/** `read-ok :12`, or why it is as it is; for the list. */
export function decidedText({ tool, state, why }: ToolRow): string {
  if (why !== null) return why;
  if (tool === undefined || state === "offered") return "";
  if (tool.held_back !== null) return tool.held_back;
  const [first] = tool.by;
  if (first === undefined) return "no rule allows it";
  const more = tool.by.length > 1 ? ` +${tool.by.length - 1}` : "";
  return `${first.rule} ${lineOf(first)}${more}`;
}

/** `:12` */
function lineOf({ at }: ToolRule): string {
  return at.slice(at.lastIndexOf(":"));
}

/** `page`: a page of its own, which can be scrolled. */
export function toolLines(row: ToolRow, scene: Scene, size: Size, page: boolean): readonly Line[] {
  const { columns } = size;
  const key = scene.live.answers.toolsFor;
  const head = page ? [toLine([` Tools > ${row.id}`], columns)] : [];
  const body = [
    heading(row.id, key === "" ? "as nobody" : `as ${key}`, columns),
    ...[...whyLines(row, key), ...ageFields(row, scene)].flatMap(([name, text, tone]) =>
      fieldLines(name, text, tone, columns),
    ),
    ...ruleLines(row, scene, columns),
    ...namesLines(row, columns),
    ...callLines(row, scene, columns),
  ];
  const room = Math.max(0, size.rows - head.length);
  const scroll = page ? Math.max(0, Math.min(scene.page.scroll, body.length - room)) : 0;
  return toHeight([...head, ...body.slice(scroll)], size.rows, columns);
}

type Field = readonly [name: string, text: string, tone?: Tone | undefined];

/** What it means, and what would change it. */
function whyLines(row: ToolRow, key: string): readonly Field[] {
  const { state, tool, why, id } = row;
  const tone = stateTone(state);
  const word: Field = ["state", `${row.word}: ${meanings[state]}`, tone];
  if (state === "bad") {
    return [
      word,
      ["cause", tool?.held_back ?? "", "bad"],
      ["do", "correct it at the server; it is listed anew"],
    ];
  }
  if (state === "missing" || state === "down") {
    return [
      word,
      ["cause", why ?? "", tone],
      ["do", `2 shows ${row.server}, r there tries it again`],
    ];
  }
  if (state === "offered") return [word, ["do", "v chooses the key to look through"]];
  const explain = `authensor-gw policy explain --tool ${quoted(id)} --key ${quoted(key)}`;
  if (state === "hidden" && (tool?.by.length ?? 0) === 0) {
    return [
      word,
      ["cause", "no rule allows it, and what no rule allows is denied", tone],
      ["do", `to show it, add it to an allow rule; ${explain}`],
    ];
  }
  return [word, ["more", explain]];
}

/** Of a tool that is shown as it was. */
function ageFields({ server, tool }: ToolRow, { live, now }: Scene): readonly Field[] {
  const list = live.servers.find(({ id }) => id === server)?.list ?? null;
  if (tool === undefined || list === null || list.stale === null) return [];
  return [["stale", `as it was ${span(now - list.readMs)} ago: ${list.stale}`, "warn"]];
}

const meanings: Readonly<Record<ToolState, string>> = {
  bad: "held back, agents do not see it",
  missing: "no tool of this server is known",
  down: "calls fail until its server is ready",
  hidden: "every call is denied, so it is not listed",
  ask: "listed; each call wants approval, which this version cannot ask for: GW_ASK",
  "if-args": "listed; the arguments decide each call",
  shown: "listed; every call is allowed",
  offered: "what a key sees of it, its rules decide",
};

function ruleLines(row: ToolRow, scene: Scene, width: number): readonly Line[] {
  const by = row.tool?.by ?? [];
  if (by.length === 0) return [];
  const order = by.length > 1 ? "deny before ask before allow" : "";
  return [
    heading("Rules", order, width),
    ...by.map((rule) =>
      toLine(
        [
          { text: ` ${rule.effect}`, width: 6, tone: effectTone(rule.effect) },
          { text: rule.rule, width: Math.min(28, Math.max(12, rule.rule.length)) },
          { text: shortPlace(rule.at, scene), tone: "dim" },
        ],
        width,
        2,
      ),
    ),
  ];
}

function effectTone(effect: ToolRule["effect"]): Tone {
  return effect === "allow" ? "ok" : "warn";
}

/** As it is written in the config: relative to it. */
function shortPlace(at: string, { live }: Scene): string {
  const config = live.gateway?.config ?? "";
  const folder = config.slice(0, config.lastIndexOf("/") + 1);
  return folder !== "" && at.startsWith(folder) ? at.slice(folder.length) : at;
}

function namesLines({ tool }: ToolRow, width: number): readonly Line[] {
  if (tool === undefined || tool.held_back !== null) return [];
  const args = tool.declared.length === 0 ? "none" : tool.declared.join(" ");
  return [
    heading("Names", "untrusted text", width),
    ...fieldLines("agents", tool.exposed, undefined, width),
    ...fieldLines("args", args, undefined, width),
  ];
}

/** The last calls of it, by whomever. */
function callLines(row: ToolRow, { live }: Scene, width: number): readonly Line[] {
  if (row.calls === 0) return [];
  const its = live.recent.filter((call) => call.tool === row.id).slice(0, 12);
  const p95 = row.p95Ms === null ? "" : `p95 ${took(row.p95Ms)}`;
  return [
    heading(`Calls ${amount(row.calls)}, newest first`, p95, width),
    ...its.map((call) =>
      toLine(
        [
          { text: ` ${call.id}`, width: 9, tone: "dim" },
          { text: call.key, width: 12 },
          { text: call.outcome ?? "", width: 13, tone: outcomeTone(call.outcome) },
          { text: took(call.tookMs ?? 0), width: 6, align: "right" },
          { text: wrap(call.why ?? call.decision?.rule ?? "", 200)[0] ?? "", tone: "dim" },
        ],
        width,
      ),
    ),
  ];
}

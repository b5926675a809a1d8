/** One server: why it is as it is, what to do, how it is reached, what happened to it. */

import type { LiveCall, LiveInstance, LiveServer } from "../../src/admin/contract.ts";
import {
  amount,
  clock,
  heading,
  type Line,
  span,
  type Tone,
  toHeight,
  toLine,
  took,
  wrap,
} from "../cells.ts";
import type { Scene, Size } from "../screen.ts";
import { fieldLines, outcomeTone } from "./call.ts";

/** The last calls of the server that fit into `rows`, newest first. */
export function lastCalls(
  server: LiveServer,
  scene: Scene,
  width: number,
  rows: number,
): readonly Line[] {
  const { running, recent } = scene.live;
  const its: LiveCall[] = [];
  for (const call of [...running, ...recent]) {
    if (its.length >= rows - 1) break;
    if (call.server === server.id) its.push(call);
  }
  const lines = its.map((call) => {
    const ms = call.tookMs ?? scene.now - call.startedMs;
    return toLine(
      [
        { text: ` ${clock(call.startedMs)}`, width: 9, tone: "dim" },
        { text: call.tool, width: Math.min(34, Math.max(12, width - (width < 80 ? 47 : 50))) },
        { text: call.key, width: 12 },
        { text: call.outcome ?? "running", width: 13, tone: outcomeTone(call.outcome) },
        { text: took(ms), width: 6, align: "right" },
        {
          text: call.outcome === "ok" || width < 80 ? "" : (call.why ?? call.code ?? ""),
          tone: "dim",
        },
      ],
      width,
    );
  });
  const none = toLine([{ text: " none yet", tone: "dim" }], width);
  return [
    heading(`${server.id}: its calls, newest first`, "c shows all", width),
    ...(lines.length === 0 ? [none] : lines),
  ];
}

/** `page`: a page of its own, which can be scrolled. */
export function serverLines(
  server: LiveServer,
  scene: Scene,
  size: Size,
  page: boolean,
): readonly Line[] {
  const { columns } = size;
  const head = page ? [toLine([` Servers > ${server.id}`], columns)] : [];
  const body = [
    ...troubleLines(server, scene, columns),
    ...connectionLines(server, scene, columns),
    ...historyLines(server, columns),
    ...stderrLines(server, columns),
    ...(page ? lastCalls(server, scene, columns, 20) : []),
  ];
  const room = Math.max(0, size.rows - head.length);
  const scroll = page ? Math.max(0, Math.min(scene.page.scroll, body.length - room)) : 0;
  const shown = [...head, ...body.slice(scroll)];
  if (shown.length <= size.rows || page) return toHeight(shown, size.rows, columns);
  const left = shown.length - size.rows + 1;
  const more = toLine([{ text: ` … ${left} more lines, enter opens them`, tone: "dim" }], columns);
  return [...toHeight(shown, size.rows - 1, columns), more];
}

type Field = readonly [name: string, text: string, tone?: Tone | undefined];

/** Nothing where all is well. */
function troubleLines(server: LiveServer, scene: Scene, width: number): readonly Line[] {
  const { trouble } = server;
  if (trouble === null) return [];
  const why = server.state === "ready" ? "what is wrong" : "why it is not ready";
  const fields: readonly Field[] = [
    ["cause", trouble.cause, "bad"],
    ...stepsOf(trouble.fix).map((step, at) => [at === 0 ? "do" : "", step, "strong"] as const),
    ["effect", trouble.effect],
    ["code", trouble.code],
    ...nextTry(server, scene),
  ];
  return [
    heading(`${server.id}: ${why}`, "r retry", width, "warn"),
    ...fields.flatMap(([name, text, tone]) => fieldLines(name, text, tone, width)),
  ];
}

/** Each step begins a line, so that a command stands whole where it can. */
function stepsOf(fix: string): readonly string[] {
  return fix.replaceAll("; then ", ",\nthen ").replaceAll(". Or ", "\nor ").split("\n");
}

function nextTry({ attempts, nextAttemptMs }: LiveServer, scene: Scene): readonly Field[] {
  if (nextAttemptMs === null) return attempts === 0 ? [] : [["tries", amount(attempts)]];
  const { link } = scene.live;
  const left = nextAttemptMs - (link.state === "lost" ? link.heardMs : scene.now);
  return [["tries", `${amount(attempts)} so far, the next in ${span(left)}`]];
}

function connectionLines(server: LiveServer, scene: Scene, width: number): readonly Line[] {
  const { id, state } = server;
  const word = server.hello?.trim() ?? "";
  const quiet = server.hello === null ? "nothing yet" : "nothing of itself";
  const said = word === "" ? quiet : `${word} (its own word)`;
  const era =
    server.protocol === null ? "not known yet" : `${server.protocol}, ${server.era ?? "?"}`;
  const pid = server.pid === null ? "" : `   pid ${server.pid}`;
  const fields: readonly Field[] = [
    ["reached", `${server.transport} ${server.target}${pid}`],
    ...server.instances.map((one): Field => ["for", instanceText(one), instanceTone(one)]),
    ["says", said],
    ["protocol", era],
    ["tools", toolsText(server), server.quarantined === 0 ? undefined : "warn"],
    ...itemFields(server),
    ...listFields(server, scene.now),
    ...hiddenFields(server),
    ...droppedFields(server, scene.now),
    ["busy", busyText(server), server.busy < server.maxInFlight ? undefined : "warn"],
    ["calls", callsText(server), server.failed === 0 ? undefined : "warn"],
  ];
  const since = `${state} for ${span(scene.now - (server.failingSinceMs ?? server.sinceMs))}`;
  return [
    heading(`${id}: connection`, since, width),
    ...fields.flatMap(([name, text, tone]) => fieldLines(name, text, tone, width)),
  ];
}

function instanceText({ name, state, pid, busy, waiting }: LiveInstance): string {
  const process = pid === null ? "" : `   pid ${pid}`;
  const wait = waiting === 0 ? "" : `, ${amount(waiting)} wait for their turn`;
  return `clients with ${name}: ${state}${process}   ${amount(busy)} calls${wait}`;
}

function instanceTone({ state }: LiveInstance): Tone | undefined {
  return state === "ready" || state === "starting" || state === "idle" ? undefined : "warn";
}

function toolsText({ tools, quarantined }: LiveServer): string {
  if (quarantined === 0) return `${amount(tools)} offered`;
  return `${amount(tools)} offered, ${amount(quarantined)} held back: screen 3 says why`;
}

/** Only where agents may see what is no more. */
function listFields({ list }: LiveServer, now: number): readonly Field[] {
  if (list === null || list.stale === null) return [];
  const leaves = list.leavesMs === null ? "" : `; they leave in ${span(list.leavesMs - now)}`;
  const text = `stale, as they were ${span(now - list.readMs)} ago: ${list.stale}${leaves}`;
  return [["lists", text, "warn"]];
}

/** Models read what people would not see. */
function hiddenFields({ hidden: { characters, items } }: LiveServer): readonly Field[] {
  if (characters === 0) return [];
  return [
    ["hidden", `${amount(characters)} characters that nobody sees: ${items.join(", ")}`, "warn"],
  ];
}

function droppedFields({ dropped: { count, lastMs } }: LiveServer, now: number): readonly Field[] {
  if (lastMs === null) return [];
  const last = `the last ${span(now - lastMs)} ago`;
  return [["dropped", `${amount(count)} messages beside its calls came too fast, ${last}`, "warn"]];
}

/** No line for the many that have tools only. */
function itemFields({ items }: LiveServer): readonly Field[] {
  const { prompts, resources, templates, heldBack } = items;
  if (prompts + resources + templates + heldBack === 0) return [];
  const parts = [
    `${amount(prompts)} prompts, ${amount(resources)} resources, ${amount(templates)} templates`,
    ...(heldBack === 0
      ? []
      : [`${amount(heldBack)} held back: authensor-gw tools list --kind all`]),
  ];
  return [["also", parts.join("; "), heldBack === 0 ? undefined : "warn"]];
}

function busyText(server: LiveServer): string {
  const { id, busy, maxInFlight, queued, maxQueued } = server;
  const most = `${amount(busy)} of ${amount(maxInFlight)}, servers.${id}.max_in_flight`;
  if (busy < maxInFlight) return most;
  if (queued >= maxQueued) return `${most}: more get GW_UPSTREAM_BUSY`;
  return `${most}; ${amount(queued)} of ${amount(maxQueued)} wait, servers.${id}.max_queued`;
}

function callsText({ calls, failed, p50Ms, p95Ms }: LiveServer): string {
  if (calls === 0) return "none yet";
  const share = ((failed / calls) * 100).toFixed(failed === calls ? 0 : 1);
  const spread = p50Ms === null ? "" : `   p50 ${took(p50Ms)}  p95 ${took(p95Ms ?? p50Ms)}`;
  return `${amount(calls)}, ${amount(failed)} failed (${share}%)${spread}`;
}

function historyLines({ id, history }: LiveServer, width: number): readonly Line[] {
  const lines = history.flatMap(({ atMs, what, effect, fix }) =>
    wrap(
      [what, effect, fix].filter((one) => one !== undefined).join("; "),
      Math.max(10, width - 11),
    ).map((text, at) =>
      toLine([{ text: at === 0 ? ` ${clock(atMs)}` : "", width: 10, tone: "dim" }, text], width),
    ),
  );
  const none = toLine([{ text: " nothing yet", tone: "dim" }], width);
  const count = history.length === 0 ? "" : `${history.length}`;
  return [
    heading(`${id}: what happened, newest first`, count, width),
    ...(lines.length === 0 ? [none] : lines),
  ];
}

function stderrLines({ id, stderr, transport }: LiveServer, width: number): readonly Line[] {
  if (transport !== "stdio") return [];
  const lines = stderr.flatMap((line) =>
    wrap(line, Math.max(10, width - 2)).map((text) => toLine([` ${text}`], width)),
  );
  const none = toLine([{ text: " nothing yet", tone: "dim" }], width);
  return [
    heading(`${id}: its stderr, newest last`, "untrusted text", width),
    ...(lines.length === 0 ? [none] : lines),
  ];
}

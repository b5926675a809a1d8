/** `authensor-gw servers show`: one server, with what happened to it. */

import type { LiveInstance, LiveServer } from "../admin/contract.ts";
import { fault } from "../base/errors.ts";
import { didYouMean } from "../base/nearest.ts";
import { printable } from "../base/printable.ts";
import { saidOnce } from "../base/said-once.ts";
import type { Invocation } from "./command.ts";
import { foldRounds } from "./fold-rounds.ts";
import { liveSnapshot } from "./live-snapshot.ts";
import { needReach } from "./reach.ts";
import { handoverLines } from "./servers-handover.ts";
import { counted, span } from "./words.ts";

export async function run(call: Invocation): Promise<number> {
  const id = call.args[0] ?? "";
  const { servers, now } = await liveSnapshot(call, await needReach(call));
  const server = servers.find((one) => one.id === id);
  if (server === undefined) {
    const ids = servers.map((one) => one.id);
    const fix = didYouMean(id, ids, "`authensor-gw servers list` shows the servers");
    throw fault("GW_NAME", { message: `No server is called "${printable(id)}"`, fix });
  }
  const json = call.options.has("json");
  call.io.out(json ? JSON.stringify(server) : serverText(server, now));
  return 0;
}

/** A server that somebody disabled is as it was told to be. */
export function isInTrouble({ trouble, state }: LiveServer): boolean {
  return trouble !== null && state !== "disabled";
}

export function serverText(server: LiveServer, nowMs: number): string {
  const { trouble } = server;
  const since =
    server.sinceMs === 0 ? "" : ` for ${span(nowMs - (server.failingSinceMs ?? server.sinceMs))}`;
  const heldBack = server.quarantined === 0 ? "" : `, ${server.quarantined} held back`;
  const lines: (readonly [string, string])[] = [
    ["server", `${server.id}, ${server.transport} ${printable(server.target)}`],
    ["state", `${server.state}${since}${server.handover ? ", from before the reload" : ""}`],
    ...troubleLines(server),
    ...againLines(server, nowMs),
    ...handoverLines(server, nowMs),
    ["is", server.hello === null ? "-" : `${printable(server.hello)}, ${server.protocol}`],
    ["tools", `${server.tools}${heldBack}`],
    ...itemLines(server.items),
    ...(server.heldBackWhy ?? []).map((why) => ["held back", printable(why)] as const),
    ...listLines(server.list, nowMs),
    ...hiddenLines(server.hidden),
    ["calls", callsText(server)],
    ...(server.pid === null ? [] : [["pid", String(server.pid)] as const]),
    ...lostLines(server),
    ...droppedLines(server, nowMs),
    ...server.instances.map((instance) => ["instance", instanceText(instance)] as const),
  ];
  const head = lines.map(([name, text]) => `${name.padEnd(9)} ${text}`);
  const history = historyLines(server);
  const stderr = (server.handover ?? server).stderr.map((line) => `  ${printable(line)}`);
  const whose = server.handover ? "The new one" : "It";
  const silent = trouble !== null && server.transport === "stdio";
  return [
    ...head,
    ...(history.length === 0 ? [] : ["", "What happened, newest first:", ...history]),
    ...(stderr.length > 0
      ? ["", `${server.handover ? "The new one's" : "Its"} last words on stderr:`, ...stderr]
      : silent
        ? ["", `${whose} wrote nothing to stderr.`]
        : []),
  ].join("\n");
}

/** In a circle of crashes each round is told once; what an entry means, only where that changes. */
function historyLines({ id, trouble, history }: LiveServer): readonly string[] {
  let told = trouble === null ? "" : meaning(id, trouble);
  const entries = history.map(({ atMs, what, effect, fix = "" }) => {
    const means = effect === undefined ? "" : meaning(id, { effect, fix });
    const more = means === "" || means === told ? [] : [`${" ".repeat(28)}${printable(means)}`];
    if (means !== "") told = means;
    const text = saidOnce(printable(what), printable(trouble?.cause ?? ""));
    const line = `  ${new Date(atMs).toISOString()}  ${text}`;
    return { key: text.replace(/\d+ ms$/, ""), lines: [line, ...more] };
  });
  return foldRounds(entries).flatMap(({ lines }) => lines);
}

function meaning(id: string, { effect, fix }: { effect: string; fix: string }): string {
  return `${effect}. Do: ${fix.replaceAll(` (authensor-gw servers show ${id})`, "")}`;
}

/** Nothing where there is nothing: most servers have tools only. */
function itemLines(items: LiveServer["items"]): (readonly [string, string])[] {
  const { prompts, resources, templates, heldBack } = items;
  const counts = [
    prompts > 0 && counted(prompts, "prompt"),
    resources > 0 && counted(resources, "resource"),
    templates > 0 && counted(templates, "template"),
    heldBack > 0 && `${heldBack} held back`,
  ].filter((one) => one !== false);
  return counts.length === 0 ? [] : [["offers", counts.join(", ")]];
}

/** How old what agents see is, and until when they do. */
function listLines(list: LiveServer["list"], nowMs: number): (readonly [string, string])[] {
  if (list === null) return [];
  const age = `read ${span(nowMs - list.readMs)} ago`;
  if (list.stale === null) return [["lists", age]];
  const left =
    list.leavesMs === null ? "" : `; not shown any more in ${span(list.leavesMs - nowMs)}`;
  return [["lists", `${age}, may be out of date: ${printable(list.stale)}${left}`]];
}

function hiddenLines({ characters, items }: LiveServer["hidden"]) {
  if (characters === 0) return [];
  const text = `${counted(characters, "character")} that nobody sees, in ${items.join(", ")}`;
  return [["hidden", printable(text)] as const];
}

function troubleLines({ id, state, trouble }: LiveServer): (readonly [string, string])[] {
  if (trouble === null && state === "disabled") {
    return [
      ["cause", "`disabled: true` in the config"],
      ["effect", "its tools are not offered"],
      ["do", `take it out of servers.${id}, then authensor-gw reload`],
    ];
  }
  if (trouble === null) return [];
  return [
    ["cause", `${trouble.code}: ${printable(trouble.cause)}`],
    ["effect", printable(trouble.effect)],
    // Whoever reads this has it before the eyes.
    ["do", printable(trouble.fix.replaceAll(`(authensor-gw servers show ${id})`, "(below)"))],
  ];
}

/** Attempts are counted from when it was ready last; in a crash loop the starts of a minute are. */
function againLines(server: LiveServer, nowMs: number): (readonly [string, string])[] {
  const { nextAttemptMs, attempts, state } = server;
  if (nextAttemptMs === null) return [];
  const which = state === "crash-loop" ? "" : `, attempt ${attempts + 1}`;
  return [["again", `in ${span(nextAttemptMs - nowMs)}${which}`]];
}

/** A server that works one call at a time, or says what its messages belong to, has none. */
function lostLines({ unattributed }: LiveServer): (readonly [string, string])[] {
  const { question, log, answer } = unattributed;
  const lines: (readonly [string, string])[] = [];
  if (question + log > 0) {
    const text = `${counted(question, "question")} refused and ${counted(log, "log line")} dropped`;
    lines.push(["of no call", `${text}: it did not say to which call they belong`]);
  }
  if (answer > 0) {
    const text = `${counted(answer, "answer")} dropped: no call has their id, or had its answer`;
    lines.push(["wrong ids", `${text}; whoever makes the server must mend that`]);
  }
  return lines;
}

/** U18: beside its calls; those of a call are in `calls list`. */
function droppedLines({ dropped }: LiveServer, nowMs: number): (readonly [string, string])[] {
  if (dropped.lastMs === null) return [];
  const what = `${counted(dropped.count, "message")} beside its calls came too fast`;
  return [["dropped", `${what}, the last ${span(nowMs - dropped.lastMs)} ago`]];
}

/** `elicitation, roots: ready, pid 4102, 3 calls, 2 of them wait for their turn`. */
function instanceText({ name, state, cause, pid, busy, waiting }: LiveInstance): string {
  const process = pid === null ? "" : `, pid ${pid}`;
  const why = cause === null ? "" : ` (${printable(cause)})`;
  const wait = waiting === 0 ? "" : `, ${waiting} of them wait for their turn`;
  return `${printable(name)}: ${state}${why}${process}, ${counted(busy, "call")}${wait}`;
}

function callsText(server: LiveServer): string {
  const { calls, failed, busy, maxInFlight, queued, maxQueued, p50Ms, p95Ms } = server;
  const times = p50Ms === null ? "" : `, p50 ${p50Ms} ms, p95 ${p95Ms} ms`;
  const wait = queued === 0 ? "" : `, ${queued} of ${maxQueued} wait for their turn`;
  const now = `${busy} of ${maxInFlight} in flight${wait}`;
  return `${counted(calls, "call")}, ${failed} failed, ${now}${times}`;
}

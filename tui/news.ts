/** What is new between two pictures, as sentences: for the linear mode, which rewrites nothing. */

import type { LiveCall, LiveServer } from "../src/admin/contract.ts";
import { printable } from "../src/base/printable.ts";
import { span, took } from "./cells.ts";
import type { Live } from "./live.ts";

/** Newest last. `before` undefined: the first picture. */
export function newsOf(before: Live | undefined, live: Live): readonly string[] {
  return [
    ...linkNews(before, live),
    ...ownNews(before, live),
    ...serverNews(before, live),
    ...callNews(before, live),
  ].map(printable);
}

/** Up, what is in trouble, what is in flight: what `status` answers. */
export function statusText({ link, gateway, servers, running, gauges }: Live, now: number): string {
  if (gateway === undefined) return `Not connected to ${link.place}.`;
  const wanted = servers.filter(({ state }) => state !== "disabled");
  const ready = wanted.filter(({ state }) => state === "ready" || state === "idle").length;
  const flying = running.filter(({ stage }) => stage !== "over").length;
  const spool = gauges === undefined ? "" : ` Receipts: ${gauges.spool.behaviour}.`;
  const lost = link.state === "lost" ? "Lost: this is what was known. " : "";
  return printable(
    `${lost}Gateway up ${span(now - gateway.startedMs)}. ` +
      `${ready} of ${wanted.length} servers ready. ` +
      `${flying} ${flying === 1 ? "call" : "calls"} in flight, ` +
      `${gauges?.callsPerSecond ?? 0} a second.${spool}`,
  );
}

/** `Server jira: backoff. CAUSE. Effect: … Do: …`. */
export function serverText({ id, state, trouble, tools, busy }: LiveServer): string {
  if (trouble === null) return `Server ${id}: ${state}, ${tools} tools, ${busy} calls.`;
  const { cause, effect, fix, code } = trouble;
  return printable(`Server ${id}: ${state}. ${cause}. Effect: ${effect}. Do: ${fix}. ${code}.`);
}

/** `Call c-7, files/read by ci: timeout after 30.0s. WHY.`, or where it is now. */
export function callText(call: LiveCall, now: number): string {
  const { id, tool, key, stage, outcome, why, decision, deadline } = call;
  const who = `Call ${id}, ${tool} by ${key}`;
  if (stage !== "over") {
    const left =
      deadline === null ? "" : `, ${span(deadline.atMs - now)} until ${deadline.setting}`;
    return printable(`${who}: in ${stage} for ${span(now - call.startedMs)}${left}.`);
  }
  const rule = decision?.rule == null ? "" : ` Rule ${decision.rule}, ${decision.at ?? ""}.`;
  const said = why === null ? "" : ` ${why}.`;
  return printable(`${who}: ${outcome ?? "ended"} after ${took(call.tookMs ?? 0)}.${said}${rule}`);
}

function linkNews(before: Live | undefined, { link }: Live): readonly string[] {
  if (before?.link.state === link.state) return [];
  if (link.state === "lost") return [`Lost the gateway: ${link.why}. It is tried again.`];
  if (link.state === "live") return [`Connected to ${link.place}.`];
  return [];
}

/** Its policy, its store, its spool, and what can run out. */
function ownNews(before: Live | undefined, { gateway, gauges }: Live): readonly string[] {
  const news: string[] = [];
  const fault = gateway?.reload.fault ?? null;
  const was = before?.gateway?.reload.fault ?? null;
  if (fault !== was) {
    const good = "Config and policy are those of the files again.";
    news.push(fault === null ? good : `The reload was refused: ${fault}.`);
  }
  if (gauges === undefined) return news;
  const { store, spool } = gauges;
  const storeWas = before?.gauges?.store.ok ?? true;
  if (store.ok !== storeWas) {
    const down = `The database takes no receipts: ${store.error ?? "no cause is known"}.`;
    news.push(store.ok ? "The database takes receipts again." : down);
  }
  const behaved = before?.gauges?.spool.behaviour;
  if (behaved !== undefined && behaved !== spool.behaviour) {
    news.push(`Receipts: ${spool.behaviour}.`);
  }
  for (const gauge of gauges.gauges) {
    const okWas = before?.gauges?.gauges.find(({ name }) => name === gauge.name)?.ok ?? true;
    const name = gauge.name.replaceAll("_", " ");
    if (okWas && !gauge.ok)
      news.push(`Trouble: ${name} is near its limit; there, ${gauge.at_limit}.`);
    if (!okWas && gauge.ok) news.push(`Well again: ${name}.`);
  }
  return news;
}

/** A server in trouble is told once, and when it is well again: retries between are no news. */
function serverNews(before: Live | undefined, live: Live): readonly string[] {
  if (before?.servers === live.servers) return [];
  const known = new Map(before?.servers.map((server) => [server.id, server]));
  return live.servers.flatMap((server) => {
    const was = known.get(server.id)?.trouble ?? null;
    const { trouble } = server;
    if (trouble === null) return was === null ? [] : [`Server ${server.id}: well again.`];
    return was?.code === trouble.code && was.cause === trouble.cause ? [] : [serverText(server)];
  });
}

/** What ended badly; what went well is not read aloud. */
function callNews(before: Live | undefined, live: Live): readonly string[] {
  if (before === undefined || before.recent === live.recent) return [];
  const fresh = Math.min(live.ended - before.ended, live.recent.length);
  const ended = live.recent.slice(0, fresh).toReversed();
  const bad = ended.filter(({ outcome }) => outcome !== "ok");
  const told = bad.slice(-callsAtOnce).map((call) => callText(call, 0));
  const more = bad.length - told.length;
  return more === 0 ? told : [`${more} more calls did not end well.`, ...told];
}

/** A voice that reads hundreds of lines says nothing. */
const callsAtOnce = 5;

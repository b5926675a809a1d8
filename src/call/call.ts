/**
 * THE PATH: the whole life of one decided request, of a tools/call as a rule, after it was
 * authenticated and strictly read (front/). Every exit leaves a receipt, and there is no other way
 * to a server.
 *
 *   parse → decide → intent on disk → forward → outcome on disk → respond
 *
 * An error before forwarding is a denial; after it, it is an outcome (architecture, invariant 6).
 */

import { asFault, causeText, fault, GatewayError, reasonOf } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Item } from "../catalog/catalog.ts";
import type { Decision } from "../policy/model.ts";
import type { IntentFields, OutcomeFields } from "../receipt/model.ts";
import type { Forwarded } from "./answer.ts";
import { argsTooLarge } from "./args-limit.ts";
import type { LiveCall } from "./board.ts";
import { badState, isBad, type Opened, openState } from "./bridge/state.ts";
import { decide } from "./decide.ts";
import { forward } from "./forward.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import type { Decided, DecidedCall } from "./method.ts";
import { nothingToCancel } from "./nothing-to-cancel.ts";
import type { CallPorts } from "./ports.ts";
import { decisionTrace, intentFields, outcomeFields, wasSent } from "./record.ts";
import { isUnsure, type SameCall } from "./repeats.ts";
import { respondDenied, respondFailed, respondProblem, respondResult } from "./respond.ts";

/** Handles one request of a decided method; never throws. */
export function makeCall(
  incoming: Incoming,
  reply: Reply,
  ports: CallPorts,
  method: Decided,
): Handling {
  let state = incoming.era === "modern" ? openState(incoming, ports) : undefined;
  if (state?.kind === "park") {
    // The same call goes on, unless it would be denied by now: then this one is, as any other.
    if (!state.parked.isDenied(incoming)) return state.parked.resume(incoming, reply);
    state.parked.cancel("GW_DENIED");
    state = undefined;
  }
  const { keyId, keyName } = incoming.identity;
  if (ports.board.refuses(keyId, keyName)) {
    respondProblem(incoming, reply, keyBusy(ports.board.callsPerKey));
    return nothingToCancel;
  }
  const live = ports.board.begin(incoming);
  run(incoming, reply, ports, method, state, live).then(
    () => ports.board.end(live),
    (thrown) => {
      ports.error("call failed inside", { error: causeText(thrown) });
      const { incoming: last, reply: waiting } = live.seat ?? { incoming, reply };
      failedInside(last, waiting, thrown, live);
      ports.board.end(live);
    },
  );
  return new Running(live);
}

class Running implements Handling {
  readonly #live: LiveCall;

  constructor(live: LiveCall) {
    this.#live = live;
  }

  cancel(reason: string): void {
    this.#live.cancelled ??= reason;
    this.#live.abort?.(reason);
  }
}

/** R14, R16: without a receipt, which would cost more than the call is worth. */
function keyBusy(limit: number): GatewayError {
  return fault("GW_KEY_BUSY", {
    message: `This key has as many calls in flight as limits.calls_per_key, ${limit}, lets it have`,
    data: { setting: "limits.calls_per_key", limit },
  });
}

function keyEnded(): GatewayError {
  return fault("GW_KEY_REVOKED", { message: "The key ended while the call waited" });
}

function failedInside(incoming: Incoming, reply: Reply, thrown: unknown, live: LiveCall): void {
  const { receipt, target, stage } = live;
  const sent = stage === "server" || stage === "outcome";
  const error = sent ? outcomeLost(thrown, target) : asFault(thrown, "Cannot make the call");
  live.code = error.code;
  live.why = reasonOf(error);
  respondFailed(incoming, reply, error, sent ? { receipt, target } : undefined);
}

/** Invariant 6: after forwarding nothing may look like a denial, or the agent repeats the call. */
function outcomeLost(thrown: unknown, target: string): GatewayError {
  const why = asFault(thrown, "the outcome could not be recorded");
  const message = `The call of "${target}" may have run, its outcome is not recorded`;
  return fault("GW_OUTCOME_LOST", { message, cause: `${why.code}: ${why.message}` });
}

async function run(
  incoming: Incoming,
  reply: Reply,
  ports: CallPorts,
  method: Decided,
  state: Opened | undefined,
  live: LiveCall,
): Promise<void> {
  let parsed = method.parse(incoming, ports);
  if (!(parsed instanceof GatewayError) && parsed.item === undefined) {
    // Right after a start an agent with an old list may be faster than the servers.
    await ports.catalog.starting();
    if (!ports.isLive(incoming.identity)) parsed = keyEnded();
    else parsed = method.parse(incoming, ports);
  }
  if (parsed instanceof GatewayError) {
    live.code = parsed.code;
    live.why = reasonOf(parsed);
    respondProblem(incoming, reply, parsed);
    return;
  }
  const call = parsed;
  const { item } = call;

  const policy = ports.policy();
  const decision = isBad(state, item) ? badState : decide(incoming, call, ports);
  ports.debug?.("call decided", decisionTrace(incoming, call, decision));
  const fields = intentFields(incoming, call, decision, policy, ports);
  decided(live, call, decision, fields.argsBytes, ports.clock.mono());
  if (decision.effect === "allow" && item !== undefined) {
    const { repeats } = ports;
    // As a rule there is nothing to look for.
    let why = item.maxArgs === undefined ? undefined : argsTooLarge(item, fields.argsBytes);
    if (why === undefined && (repeats.size > 0 || repeats.loading !== undefined)) {
      why = await repeated(incoming, item, sameAs(incoming, call, fields), ports);
    }
    if (why !== undefined) return refuse(incoming, reply, why, item, fields, ports, live);
  }
  if (decision.effect !== "allow" || item === undefined) {
    const receipt = ports.audit.refusal(fields);
    live.receipt = receipt.id;
    live.outcome = fields.outcome === "" ? undefined : fields.outcome;
    live.code = fields.code;
    if (receipt.durable !== undefined) await receipt.durable;
    live.endedAt = ports.clock.mono();
    respondDenied(incoming, reply, call, decision, receipt.id);
    return;
  }

  const intent = ports.audit.intent(fields);
  live.receipt = intent.id;
  // Invariant 3: no byte reaches a server before this record is on disk.
  if (intent.durable !== undefined) await intent.durable;

  live.stage = "server";
  live.sentAt = ports.clock.mono();
  const answer =
    method.perform === undefined
      ? await forward(incoming, reply, call, item, policy, state, ports, live)
      : await method.perform(call, item, { incoming, ports, live });
  live.stage = "outcome";
  ports.debug?.("call ended", { receipt: intent.id, end: answer.kind, server_ms: answer.serverMs });
  const end = outcomeFields(incoming, intent.seq, answer, live, ports);
  answered(live, answer, end, ports.clock.mono());
  if (isUnsure(end) && guarded(incoming, item)) {
    ports.repeats.remember(sameAs(incoming, call, fields), intent.id);
  }
  const outcome = ports.audit.outcome(end);
  // … and no answer leaves before this one is.
  if (outcome.durable !== undefined) await outcome.durable;
  live.endedAt = ports.clock.mono();
  respond(live.seat?.incoming ?? incoming, live.seat?.reply ?? reply, live, answer);
  const over = answer.kind === "result" && method.perform === undefined;
  if (over && live.unwritten === 0) incoming.message.body.release?.();
}

/** Running it twice may do harm. */
function guarded({ message }: Incoming, { idempotent }: Item): boolean {
  return !idempotent && message.method === "tools/call";
}

/** U27: the same call was made, and may have run. */
async function repeated(
  incoming: Incoming,
  item: Item,
  same: SameCall,
  { repeats }: CallPorts,
): Promise<GatewayError | undefined> {
  if (!guarded(incoming, item)) return undefined;
  if (repeats.loading !== undefined) await repeats.loading;
  return repeats.refuse(same, item.target);
}

/** Numbers that are not what they say make two different calls look the same. */
function sameAs({ message }: Incoming, { args }: DecidedCall, fields: IntentFields): SameCall {
  const { keyId, server, tool, argsHash } = fields;
  return { keyId, server, tool, argsHash, args: message.body.inexact === true ? undefined : args };
}

/** Allowed by the policy, and not made all the same. */
async function refuse(
  incoming: Incoming,
  reply: Reply,
  why: GatewayError,
  { target }: Item,
  fields: IntentFields,
  { audit, clock }: CallPorts,
  live: LiveCall,
): Promise<void> {
  const outcome = why.code === "GW_ARGS_TOO_LARGE" ? "limited" : "denied";
  const receipt = audit.refusal({ ...fields, code: why.code, outcome });
  live.receipt = receipt.id;
  live.outcome = outcome;
  live.code = why.code;
  live.why = reasonOf(why);
  if (receipt.durable !== undefined) await receipt.durable;
  live.endedAt = clock.mono();
  respondFailed(incoming, reply, why, { receipt: receipt.id, target });
}

function decided(
  live: LiveCall,
  call: DecidedCall,
  decision: Decision,
  argsBytes: number,
  now: number,
): void {
  live.stage = "intent";
  live.decidedAt = now;
  live.decision = decision;
  live.argsBytes = argsBytes;
  live.server = call.item?.server ?? call.guess?.server ?? "";
  live.target = call.item?.target ?? call.exposed.slice(0, limits.toolNameBytes);
}

function answered(live: LiveCall, answer: Forwarded, end: OutcomeFields, now: number): void {
  live.answeredAt = now;
  live.outcome = end.outcome;
  live.code = end.code;
  live.resultBytes = end.resultBytes;
  if (answer.kind === "failed") live.why = reasonOf(answer.error);
}

function respond(incoming: Incoming, reply: Reply, live: LiveCall, answer: Forwarded): void {
  const { receipt, target } = live;
  if (answer.kind === "result") respondResult(incoming, reply, answer);
  else if (answer.kind === "failed") {
    respondFailed(incoming, reply, answer.error, { receipt, target }, answer.mayHaveRun);
  } else if (live.ended !== undefined) {
    // Who cancels his own call waits for nothing; anybody else's cancel has to be told.
    const sent = wasSent(live);
    const told = sent ? live.ended : unsent(live.ended);
    respondFailed(incoming, reply, told, { receipt, target }, sent);
  }
}

/** It waited for its turn or its server: there is nothing to look for. */
function unsent({ code, message, why }: GatewayError): GatewayError {
  const cause = `${why === "" ? "" : `${why}; `}it still waited: nothing was sent`;
  const again = "it may be repeated";
  const fix = code === "GW_ENDED_BY_OPERATOR" ? `ask who runs the gateway; ${again}` : again;
  return fault(code, { message, cause, fix });
}

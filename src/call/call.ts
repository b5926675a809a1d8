/**
 * THE PATH: the whole life of one tools/call after its request was authenticated and strictly read
 * (front/). Every exit leaves a receipt, and there is no other way to a server.
 *
 *   parse → decide → intent on disk → forward → outcome on disk → respond
 *
 * An error before forwarding is a denial; after it, it is an outcome (architecture, invariant 6).
 */

import { asFault, fault, type GatewayError } from "../base/errors.ts";
import { no } from "../base/result.ts";
import type { Tool } from "../catalog/catalog.ts";
import type { Decision, Policy } from "../policy/model.ts";
import { decide } from "./decide.ts";
import { type Forwarded, forward } from "./forward.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import { parseCall, type ToolCall } from "./parse.ts";
import type { CallPorts } from "./ports.ts";
import { decisionTrace, intentFields, outcomeFields } from "./record.ts";
import { respondDenied, respondFailed, respondProblem, respondResult } from "./respond.ts";

/** Handles one tools/call; never throws. */
export function callTool(incoming: Incoming, reply: Reply, ports: CallPorts): Handling {
  const live: LiveCall = { cancelled: undefined, abort: undefined, forwarded: undefined };
  run(incoming, reply, ports, live).catch((thrown) => {
    ports.error("call failed inside", { error: String(thrown) });
    const { forwarded } = live;
    if (forwarded === undefined) respondFailed(incoming, reply, thrown, undefined);
    else respondFailed(incoming, reply, outcomeLost(thrown, forwarded), forwarded);
  });
  return {
    cancel(reason) {
      live.cancelled ??= reason;
      live.abort?.(reason);
    },
  };
}

function keyEnded(): GatewayError {
  return fault("GW_KEY_REVOKED", { message: "The key ended while the call waited" });
}

/** Invariant 6: after forwarding nothing may look like a denial, or the agent repeats the call. */
function outcomeLost(thrown: unknown, { target }: Forwarding): GatewayError {
  const why = asFault(thrown, "the outcome could not be recorded");
  const message = `The call of "${target}" may have run, its outcome is not recorded`;
  return fault("GW_OUTCOME_LOST", { message, cause: `${why.code}: ${why.message}` });
}

/** What a cancellation from the client reaches. */
export interface LiveCall {
  cancelled: string | undefined;
  /** Set while the server has the call. */
  abort: ((reason: string) => void) | undefined;
  /** Set from the moment bytes may have left. */
  forwarded: Forwarding | undefined;
}

interface Forwarding {
  readonly receipt: string;
  readonly target: string;
}

async function run(
  incoming: Incoming,
  reply: Reply,
  ports: CallPorts,
  live: LiveCall,
): Promise<void> {
  let parsed = parseCall(incoming, ports.catalog);
  if (parsed.ok && parsed.value.tool === undefined) {
    // Right after a start an agent with an old list may be faster than the servers.
    await ports.catalog.starting();
    if (!ports.isLive(incoming.identity)) parsed = no(keyEnded());
    else parsed = parseCall(incoming, ports.catalog);
  }
  if (!parsed.ok) {
    respondProblem(incoming, reply, parsed.error);
    return;
  }
  const call = parsed.value;

  const policy = ports.policy();
  const decision = decide(incoming, call, ports);
  ports.debug?.("call decided", decisionTrace(incoming, call, decision));
  if (decision.effect !== "allow" || call.tool === undefined) {
    await refuse(incoming, reply, call, decision, policy, ports);
    return;
  }

  const intent = ports.audit.intent(intentFields(incoming, call, decision, policy, ports));
  // Invariant 3: no byte reaches a server before this record is on disk.
  if (intent.durable !== undefined) await intent.durable;

  live.forwarded = { receipt: intent.id, target: call.tool.target };
  const answer = await forward(incoming, reply, call.tool, ports, live);
  ports.debug?.("call ended", { receipt: intent.id, end: answer.kind, server_ms: answer.serverMs });
  const outcome = ports.audit.outcome(outcomeFields(incoming, intent.seq, answer, ports));
  // … and no answer leaves before this one is.
  if (outcome.durable !== undefined) await outcome.durable;
  respond(incoming, reply, call.tool, answer, intent.id);
  // Sent or copied by now, and nobody looks at it again.
  if (answer.kind === "result") answer.message.release?.();
}

async function refuse(
  incoming: Incoming,
  reply: Reply,
  call: ToolCall,
  decision: Decision,
  policy: Policy,
  ports: CallPorts,
): Promise<void> {
  const fields = intentFields(incoming, call, decision, policy, ports);
  const receipt = ports.audit.refusal(fields);
  if (receipt.durable !== undefined) await receipt.durable;
  respondDenied(incoming, reply, call, decision, receipt.id);
}

function respond(
  incoming: Incoming,
  reply: Reply,
  tool: Tool,
  answer: Forwarded,
  receipt: string,
): void {
  if (answer.kind === "result") respondResult(incoming, reply, answer);
  if (answer.kind === "failed") {
    const about = { receipt, target: tool.target };
    respondFailed(incoming, reply, answer.error, about, answer.mayHaveRun);
  }
}

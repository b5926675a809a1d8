/**
 * THE PATH: the whole life of one decided request, of a tools/call as a rule, after it was
 * authenticated and strictly read (front/). There is no other way to a server.
 *
 *   parse → decide → intent on disk → forward → outcome on disk → respond
 *
 * An error before forwarding is a denial; after it, it is an outcome (invariant 6).
 *
 * What was decided leaves a receipt, or is not made: where the intent cannot be written nothing is
 * sent. What was not decided leaves none, only its error: a key with too many calls in flight,
 * params that name nothing to decide on, a key that ended while its call waited for the lists.
 */

import type { Appended } from "../audit/audit.ts";
import type { Waiter } from "../audit/landing.ts";
import { asFault, causeText, GatewayError, reasonOf } from "../base/errors.ts";
import { withoutKeys } from "../base/hidden-keys.ts";
import { limits } from "../base/limits.ts";
import type { Item } from "../catalog/catalog.ts";
import type { Decision, Policy } from "../policy/model.ts";
import type { IntentFields, OutcomeFields } from "../receipt/model.ts";
import type { Forwarded } from "./answer.ts";
import { argsTooLarge } from "./args-limit.ts";
import { type LiveCall, receiptOf } from "./board.ts";
import { badState, isBad, type Opened, openState } from "./bridge/state.ts";
import { decide } from "./decide.ts";
import { keyBusy, keyEnded, outcomeLost, recordedLate, unsent } from "./ends.ts";
import { forward, type WhoWaits } from "./forward.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import type { Decided, DecidedCall } from "./method.ts";
import { nothingToCancel } from "./nothing-to-cancel.ts";
import { wholeArgs } from "./parse.ts";
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
  const run = new Run(incoming, reply, ports, method, state);
  step(run, parse);
  return run;
}

/**
 * One call on the path, and what its steps hand to the next one. A record and functions instead of
 * one async function, as this is the data path: where nothing is waited for, promises, reactions
 * and closures were a tenth of all that a call made.
 */
class Run implements Handling, WhoWaits, Waiter {
  readonly incoming: Incoming;
  readonly reply: Reply;
  readonly ports: CallPorts;
  readonly method: Decided;
  readonly state: Opened | undefined;
  readonly live: LiveCall;
  call!: DecidedCall;
  /** The one that the call began with (P28). */
  policy!: Policy;
  fields!: IntentFields;
  /** Of the intent, and when it was given to the spool. */
  seq = 0;
  recordedAt = 0;
  /** Why a call that the policy allows is not made. */
  why!: GatewayError;
  answer!: Forwarded;
  /** What comes when its record is on disk: it never waits for two. */
  next!: Step;

  constructor(
    incoming: Incoming,
    reply: Reply,
    ports: CallPorts,
    method: Decided,
    state: Opened | undefined,
  ) {
    this.incoming = incoming;
    this.reply = reply;
    this.ports = ports;
    this.method = method;
    this.state = state;
    this.live = ports.board.begin(incoming);
  }

  cancel(reason: string): void {
    this.live.cancelled ??= reason;
    this.live.atServer?.takeBack(reason);
  }

  ended(answer: Forwarded): void {
    if (this.live.stage === "over") return;
    this.answer = answer;
    step(this, record);
  }

  onDisk(failed: Error | undefined): void {
    if (failed === undefined) step(this, this.next);
    else broken(this, failed);
  }
}

type Step = (run: Run) => void;

/** Whatever goes wrong in a step ends the call. */
function step(run: Run, next: Step): void {
  try {
    next(run);
  } catch (thrown) {
    broken(run, thrown);
  }
}

/** The next step at once, or when that is done: as a rule there is nothing to wait for. */
function after(run: Run, done: Promise<unknown> | undefined, next: Step): void {
  if (done === undefined) next(run);
  else {
    done.then(
      () => step(run, next),
      (thrown) => broken(run, thrown),
    );
  }
}

/** The next step when the record is on disk; in mode fast at once. */
function onDisk(run: Run, record: Appended, next: Step): void {
  run.next = next;
  if (!record.tells(run)) next(run);
}

function over({ ports, live }: Run): void {
  ports.board.end(live);
}

function broken(run: Run, thrown: unknown): void {
  const { ports, live } = run;
  ports.error("call failed inside", { error: causeText(thrown) });
  const { incoming, reply } = live.seat ?? run;
  try {
    failedInside(incoming, reply, thrown, live);
  } finally {
    // Also one that cannot be answered: else it counts among its key's for ever (R14).
    over(run);
  }
}

function failedInside(incoming: Incoming, reply: Reply, thrown: unknown, live: LiveCall): void {
  const { target, stage } = live;
  const sent = stage === "server" || stage === "outcome";
  const error = sent ? outcomeLost(thrown, target) : asFault(thrown, "Cannot make the call");
  live.code = error.code;
  live.why = reasonOf(error);
  respondFailed(incoming, reply, error, sent ? { receipt: receiptOf(live), target } : undefined);
}

function parse(run: Run): void {
  const { incoming, ports } = run;
  const parsed = run.method.parse(incoming, ports);
  if (parsed instanceof GatewayError || parsed.item !== undefined) parsedAs(run, parsed);
  // Right after a start an agent with an old list may be faster than the servers.
  else after(run, ports.catalog.starting(), parseAgain);
}

function parseAgain(run: Run): void {
  const { incoming, ports } = run;
  const lives = ports.isLive(incoming.identity);
  parsedAs(run, lives ? run.method.parse(incoming, ports) : keyEnded());
}

function parsedAs(run: Run, parsed: DecidedCall | GatewayError): void {
  const { incoming, reply, ports, live } = run;
  if (parsed instanceof GatewayError) {
    live.code = parsed.code;
    live.why = reasonOf(parsed);
    respondProblem(incoming, reply, parsed);
    over(run);
    return;
  }
  run.call = parsed;
  run.policy = ports.policy();
  const decision = isBad(run.state, parsed.item) ? badState : decide(incoming, parsed, ports);
  ports.debug?.("call decided", decisionTrace(incoming, parsed, decision));
  const now = ports.clock.mono();
  run.fields = intentFields(incoming, parsed, decision, run.policy, now);
  decided(live, parsed, decision, run.fields.argsBytes, now);
  if (decision.effect === "allow" && parsed.item !== undefined) allowed(run, parsed.item);
  else deny(run);
}

function allowed(run: Run, item: Item): void {
  const { incoming, ports, fields } = run;
  const { repeats } = ports;
  const why = item.maxArgs === undefined ? undefined : argsTooLarge(item, fields.argsBytes);
  if (why !== undefined) refuse(run, why);
  // As a rule there is nothing to look for.
  else if (repeats.size === 0 && repeats.loading === undefined) intend(run);
  else if (guarded(incoming, item)) after(run, repeats.loading, compare);
  else intend(run);
}

/** U27: the same call was made, and may have run. */
function compare(run: Run): void {
  const why = run.ports.repeats.refuse(sameAs(run), run.live.target);
  if (why === undefined) intend(run);
  else refuse(run, why);
}

function intend(run: Run): void {
  const intent = run.ports.audit.intent(run.fields);
  named(run.live, intent);
  run.seq = intent.seq;
  run.recordedAt = run.ports.clock.mono();
  // Invariant 3: no byte reaches a server before this record is on disk.
  onDisk(run, intent, send);
}

function send(run: Run): void {
  const { incoming, ports, live, method, call } = run;
  const item = call.item as Item;
  live.stage = "server";
  live.sentAt = ports.clock.mono();
  const waitedMs = live.sentAt - run.recordedAt;
  if (waitedMs > limits.writeStuckMs && live.cancelled === undefined) {
    run.ended({ kind: "failed", error: recordedLate(waitedMs), mayHaveRun: false, serverMs: 0 });
    return;
  }
  if (method.perform === undefined) {
    forward(incoming, run.reply, call, item, run.policy, run.state, ports, live, run);
    return;
  }
  method.perform(call, item, { incoming, ports, live }).then(
    (answer) => run.ended(answer),
    (thrown) => broken(run, thrown),
  );
}

function record(run: Run): void {
  const { incoming, ports, live, answer } = run;
  live.stage = "outcome";
  const { serverMs } = answer;
  ports.debug?.("call ended", { receipt: receiptOf(live), end: answer.kind, server_ms: serverMs });
  const now = ports.clock.mono();
  const end = outcomeFields(incoming, run.seq, answer, live, now);
  answered(live, answer, end, now);
  if (isUnsure(end) && guarded(incoming, run.call.item as Item)) {
    ports.repeats.remember(sameAs(run), receiptOf(live));
  }
  // … and no answer leaves before this one is.
  onDisk(run, ports.audit.outcome(end), tell);
}

function tell(run: Run): void {
  const { incoming, ports, live, answer } = run;
  live.endedAt = ports.clock.mono();
  respond(live.seat?.incoming ?? incoming, live.seat?.reply ?? run.reply, live, answer);
  const sent = answer.kind === "result" && run.method.perform === undefined;
  if (sent && live.unwritten === 0) incoming.message.body.release?.();
  over(run);
}

function deny(run: Run): void {
  const { live, fields } = run;
  const receipt = run.ports.audit.refusal(fields);
  named(live, receipt);
  live.outcome = fields.outcome === "" ? undefined : fields.outcome;
  live.code = fields.code;
  onDisk(run, receipt, tellDenied);
}

function tellDenied(run: Run): void {
  const { incoming, reply, ports, live, call } = run;
  live.endedAt = ports.clock.mono();
  respondDenied(incoming, reply, call, live.decision as Decision, receiptOf(live));
  over(run);
}

/** Allowed by the policy, and not made all the same. */
function refuse(run: Run, why: GatewayError): void {
  const { live } = run;
  const outcome = why.code === "GW_ARGS_TOO_LARGE" ? "limited" : "denied";
  const receipt = run.ports.audit.refusal({ ...run.fields, code: why.code, outcome });
  run.why = why;
  named(live, receipt);
  live.outcome = outcome;
  live.code = why.code;
  live.why = reasonOf(why);
  onDisk(run, receipt, tellRefused);
}

function tellRefused(run: Run): void {
  const { incoming, reply, ports, live } = run;
  live.endedAt = ports.clock.mono();
  respondFailed(incoming, reply, run.why, { receipt: receiptOf(live), target: live.target });
  over(run);
}

/** Running it twice may do harm. */
function guarded({ message }: Incoming, { idempotent }: Item): boolean {
  return !idempotent && message.method === "tools/call";
}

/** Numbers that are not what they say make two different calls look the same. */
function sameAs({ incoming, fields }: Run): SameCall {
  const { keyId, server, tool, argsHash } = fields;
  const args = incoming.message.body.inexact === true ? undefined : wholeArgs(incoming);
  return { keyId, server, tool, argsHash, args };
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
  live.target = call.item?.target ?? guessed(call).slice(0, limits.toolNameBytes);
}

/** As its receipt has it. */
function guessed({ guess, exposed }: DecidedCall): string {
  return withoutKeys(guess === undefined ? exposed : `${guess.server}/${guess.tool}`);
}

function answered(live: LiveCall, answer: Forwarded, end: OutcomeFields, now: number): void {
  live.answeredAt = now;
  live.outcome = end.outcome;
  live.code = end.code;
  live.resultBytes = end.resultBytes;
  if (answer.kind === "failed") live.why = reasonOf(answer.error);
}

function named(live: LiveCall, { idStart, of }: Appended): void {
  live.receiptStart = idStart;
  live.receiptSeq = of;
}

function respond(incoming: Incoming, reply: Reply, live: LiveCall, answer: Forwarded): void {
  if (answer.kind === "result") {
    respondResult(incoming, reply, answer);
    return;
  }
  const [receipt, { target }] = [receiptOf(live), live];
  if (answer.kind === "failed") {
    respondFailed(incoming, reply, answer.error, { receipt, target }, answer.mayHaveRun);
  } else if (live.ended !== undefined) {
    // Who cancels his own call waits for nothing; anybody else's cancel has to be told.
    const sent = wasSent(live);
    const told = sent ? live.ended : unsent(live.ended);
    respondFailed(incoming, reply, told, { receipt, target }, sent);
  }
}

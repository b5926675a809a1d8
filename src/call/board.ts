/** Calls in flight and the last ended ones, for people: the control API shows them. */

import type { GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Clock } from "../base/ports.ts";
import { type Member, Roster } from "../base/roster.ts";
import type { Decision } from "../policy/model.ts";
import type { Era } from "../protocol/message.ts";
import type { AskedFields, Outcome } from "../receipt/model.ts";
import type { Deadline, TimeLimit } from "./deadlines.ts";
import type { Incoming, Reply } from "./incoming.ts";

export interface Board {
  readonly inFlight: InFlight;
  /**
   * A ring: the call that ended as number n is at n % length, the next one is `ended`. Its rows are
   * written again: what was read holds during that turn.
   */
  readonly recent: readonly ShownCall[];
  readonly ended: number;
  /** Told before the ring loses an ended call that it was not told of: who counts them all. */
  onFull: () => void;
  /** Whether a key has as many calls in flight as it may (R14); counts what that refuses. */
  refuses(keyId: string, keyName: string): boolean;
  /** Of the key that has most: calls in flight. */
  mostOfKey(): number;
  /** Refused by that, in all, and whose call was the last. */
  readonly refused: { readonly count: number; readonly keyName: string };
  /** A reload may change it. */
  callsPerKey: number;
  begin(incoming: Incoming): LiveCall;
  /** Its last event; what a cancellation would reach is let go. */
  end(call: LiveCall): void;
}

/**
 * queue: it waits for its turn at the server. client: the server waits for what its client is being
 * asked.
 */
export type Stage = "waiting" | "intent" | "queue" | "server" | "client" | "outcome" | "over";

/** Oldest first. */
export type InFlight = Pick<ReadonlySet<LiveCall>, "size" | "has"> & Iterable<LiveCall>;

/** One call from its arrival to its end; the call path writes it, nobody else. */
export interface LiveCall extends Member {
  readonly no: number;
  readonly keyId: string;
  readonly keyName: string;
  readonly client: Incoming["client"];
  readonly session: string;
  readonly era: Era;
  readonly protocol: string;
  /** Wall ms, and monotonic ms of the same moment. */
  readonly startedMs: number;
  readonly arrived: number;
  stage: Stage;
  /** Monotonic ms, 0 until it happened. */
  decidedAt: number;
  sentAt: number;
  /** When it began to wait for its turn at the server, and how long it did. */
  queuedAt: number;
  queuedMs: number;
  /** When its client was asked last. */
  askedAt: number;
  answeredAt: number;
  endedAt: number;
  /** `server/tool`, or the name the agent used. */
  target: string;
  server: string;
  decision: Decision | undefined;
  argsBytes: number;
  resultBytes: number;
  /** The id of its receipt in two parts (`receiptOf`), "" before it has one. */
  receiptStart: string;
  receiptSeq: number;
  outcome: Outcome | undefined;
  /** Error code and its sentence, "" when the server answered. */
  code: string;
  why: string;
  serverEra: Era | undefined;
  /** How often it was sent by what may still hold bytes of it. */
  unwritten: number;
  progress: number;
  /** Notifications about it that came too fast, and were not told on (U18). */
  dropped: number;
  timeout: (TimeLimit & { readonly setting: string }) | undefined;
  deadline: Deadline | undefined;
  /** Set by a cancellation of the client or an operator. */
  cancelled: string | undefined;
  /** Somebody else than the client did that: what the agent, which waits, is told. */
  ended: GatewayError | undefined;
  /** What the server asked its client. */
  asked: AskedFields[] | undefined;
  /** Who waits for the end, where that is another request than the first. */
  seat: { readonly incoming: Incoming; readonly reply: Reply } | undefined;
  /** Set while the server has the call. */
  atServer: { takeBack(reason: string): void } | undefined;
}

/** What of a call is shown to people; of one that ended nothing else is kept. */
export type ShownCall = Omit<
  LiveCall,
  "place" | "keyId" | "unwritten" | "cancelled" | "ended" | "asked" | "seat" | "atServer"
>;

/** Ends a call for its agent too; one that took it back itself waits for nothing. */
export function endCall(call: LiveCall, reason: string, told: GatewayError): void {
  if (call.cancelled === undefined) call.ended = told;
  call.cancelled ??= reason;
  call.atServer?.takeBack(reason);
}

/**
 * The id of its receipt, "" before it has one. Made when it is asked for, as few are: a text a call
 * in the ring lives through a collection, and the whole heap was collected a third more often.
 */
export function receiptOf(call: Pick<ShownCall, "receiptStart" | "receiptSeq">): string {
  return call.receiptStart === "" ? "" : `${call.receiptStart}${call.receiptSeq}`;
}

/** `onEnd` is told of each call that ended: it is on the path, so it counts and nothing else. */
export function createBoard(
  clock: Pick<Clock, "now">,
  onEnd: (call: LiveCall) => void = () => {},
  callsPerKey: number = limits.callsPerKey,
): Board {
  const ofKey = new Map<string, number>();
  const refused = { count: 0, keyName: "" };
  const inFlight = new Roster<LiveCall>();
  const recent: Row[] = [];
  let [begun, ended] = [0, 0];
  const board: Board = {
    inFlight: {
      get size() {
        return inFlight.size;
      },
      has: (call) => inFlight.has(call),
      [Symbol.iterator]: () => [...inFlight].sort((a, b) => a.no - b.no).values(),
    },
    recent,
    refused,
    callsPerKey,
    onFull: () => {},
    refuses(keyId, keyName) {
      if ((ofKey.get(keyId) ?? 0) < board.callsPerKey) return false;
      refused.count += 1;
      refused.keyName = keyName;
      return true;
    },
    mostOfKey: () => Math.max(0, ...ofKey.values()),
    get ended() {
      return ended;
    },
    begin(incoming) {
      begun += 1;
      const { identity, client, session, era, protocol, arrived } = incoming;
      const { keyId, keyName } = identity;
      const call: LiveCall = {
        place: 0,
        no: begun,
        keyId,
        keyName,
        client,
        session,
        era,
        protocol,
        startedMs: clock.now(),
        arrived,
        stage: "waiting",
        decidedAt: 0,
        sentAt: 0,
        queuedAt: 0,
        queuedMs: 0,
        askedAt: 0,
        answeredAt: 0,
        endedAt: 0,
        target: "",
        server: "",
        decision: undefined,
        argsBytes: 0,
        resultBytes: 0,
        receiptStart: "",
        receiptSeq: 0,
        outcome: undefined,
        code: "",
        why: "",
        serverEra: undefined,
        unwritten: 0,
        progress: 0,
        dropped: 0,
        timeout: undefined,
        deadline: undefined,
        cancelled: undefined,
        ended: undefined,
        asked: undefined,
        seat: undefined,
        atServer: undefined,
      };
      inFlight.add(call);
      ofKey.set(keyId, (ofKey.get(keyId) ?? 0) + 1);
      return call;
    },
    end(call) {
      if (!inFlight.delete(call)) return;
      // A key that has none stays at 0: to take it out and in again would cost each of its calls.
      ofKey.set(call.keyId, (ofKey.get(call.keyId) ?? 1) - 1);
      call.stage = "over";
      call.deadline = undefined;
      call.atServer = undefined;
      call.seat = undefined;
      keep(recent, ended % limits.boardCalls, call);
      ended += 1;
      if (ended % limits.boardCalls === 0) board.onFull();
      onEnd(call);
    },
  };
  return board;
}

type Row = { -readonly [K in keyof ShownCall]: ShownCall[K] };

/**
 * Rows that are used again: a ring of the calls themselves lets each of them live through a
 * collection, which costs 13 MB at the peak.
 */
function keep(rows: Row[], at: number, call: LiveCall): void {
  const row = rows[at] ?? ({} as Row);
  rows[at] = row;
  row.no = call.no;
  row.keyName = call.keyName;
  row.client = call.client;
  row.session = call.session;
  row.era = call.era;
  row.protocol = call.protocol;
  row.startedMs = call.startedMs;
  row.arrived = call.arrived;
  row.stage = call.stage;
  row.decidedAt = call.decidedAt;
  row.sentAt = call.sentAt;
  row.queuedAt = call.queuedAt;
  row.queuedMs = call.queuedMs;
  row.askedAt = call.askedAt;
  row.answeredAt = call.answeredAt;
  row.endedAt = call.endedAt;
  row.target = short(call.target);
  row.server = call.server;
  row.decision = call.decision;
  row.argsBytes = call.argsBytes;
  row.resultBytes = call.resultBytes;
  row.receiptStart = call.receiptStart;
  row.receiptSeq = call.receiptSeq;
  row.outcome = call.outcome;
  row.code = call.code;
  row.why = short(call.why);
  row.serverEra = call.serverEra;
  row.progress = call.progress;
  row.dropped = call.dropped;
  row.timeout = undefined;
  row.deadline = undefined;
}

/** R6: the name of an unknown tool can be as long as a request; a slice would keep all of it. */
function short(text: string): string {
  if (text.length <= limits.boardText) return text;
  return `${Buffer.from(text.slice(0, limits.boardText)).toString()}…`;
}

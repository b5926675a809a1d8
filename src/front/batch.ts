/**
 * Batches: only in a session of 2025-03-26, which is the one revision that has them. Each element
 * is read, decided and recorded alone, as if it had come alone (F19).
 */

import { fault } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import { arrayParts } from "../protocol/array-parts.ts";
import { classify } from "../protocol/era.ts";
import type { Message, RequestMessage } from "../protocol/message.ts";
import { accepted, plain, problemText, rpcError, rpcErrorText } from "./answers.ts";
import { shareAnswers } from "./batch-answers.ts";
import { internal } from "./carry.ts";
import type { Answer, Caller, Door } from "./door.ts";
import { call, told, withSession } from "./legacy.ts";
import { type Refused, readOne } from "./read-one.ts";
import type { Session } from "./sessions.ts";

/** `bytes`: a JSON array within the limits of one body. */
export function answerBatch(door: Door, caller: Caller, bytes: Uint8Array): Answer {
  const { version, sessionId } = caller.head;
  const may = version === null || version === batchRevision;
  if (!may || sessionId === null) return noBatch("it has no session of 2025-03-26");
  return withSession(door, caller, undefined, (session) => {
    if (session.protocol !== batchRevision)
      return noBatch(`the session speaks ${session.protocol}`);
    const parts = arrayParts(bytes);
    if (parts.length === 0) return noBatch("it is empty");
    if (parts.length > limits.batchMessages) {
      return noBatch(`it has more than ${limits.batchMessages} messages`);
    }
    const elements = parts.map(([start, end]) => readElement(door, bytes.slice(start, end)));
    const wrong = wrongTogether(elements);
    return wrong === undefined ? run(door, caller, session, elements) : noBatch(wrong);
  });
}

const batchRevision = "2025-03-26";

function noBatch(cause: string): Response {
  const message = "A batch is taken in a session of 2025-03-26 only, of up to 20 messages";
  return rpcError(fault("GW_MESSAGE", { message, cause }));
}

/** A message, or the text of the error that answers it. */
type Element = { readonly message: Message } | { readonly error: string };

function readElement(door: Door, bytes: Uint8Array): Element {
  const message = readOne(door, bytes, null);
  if (message.kind === "refused") return { error: refusalText(message) };
  const era = classify(message, null);
  const idText = message.kind === "request" ? message.idText : undefined;
  if (!era.ok) return { error: problemText(era.error, idText) };
  if (era.value.era === "legacy") return { message };
  return { error: rpcErrorText(plain("GW_MESSAGE", "2026-07-28 has no batches"), idText) };
}

function refusalText({ code, message, idText }: Refused): string {
  return rpcErrorText(fault(code, { message }), idText);
}

/** What makes the batch as a whole ambiguous. */
function wrongTogether(elements: readonly Element[]): string | undefined {
  const ids = new Set<unknown>();
  for (const element of elements) {
    if (!("message" in element) || element.message.kind !== "request") continue;
    const { id, method } = element.message;
    if (method === "initialize") return "initialize stands alone";
    if (ids.has(id)) return "two of its requests have the same id";
    ids.add(id);
  }
  return undefined;
}

function run(door: Door, caller: Caller, session: Session, elements: readonly Element[]): Answer {
  const wanted = caller.head.accepts;
  if (wanted === "none") return rpcError(plain("GW_ACCEPT"));
  const answered = elements.filter(needsAnswer).length;
  const shared = shareAnswers(door, caller, wanted, answered);
  for (const element of elements) {
    if ("error" in element) shared.outlet("").last(element.error);
    else if (element.message.kind === "request") ask(element.message);
    else told(session, element.message);
  }
  return answered === 0 ? accepted() : shared.answer();

  function ask(message: RequestMessage): void {
    const outlet = shared.outlet(message.idText);
    callInto(door, caller, session, message, { accepts: wanted, outlet });
  }
}

function needsAnswer(element: Element): boolean {
  return "error" in element || element.message.kind === "request";
}

/** Makes one call whose answer leaves with others; what the front itself says of it does too. */
export function callInto(
  door: Door,
  caller: Caller,
  session: Session,
  message: RequestMessage,
  shared: NonNullable<Caller["shared"]>,
): void {
  const { outlet } = shared;
  const said = async () => {
    const answer = await call(door, { ...caller, shared }, session, message);
    // Underway: it comes through the outlet.
    if (answer.status !== 202) outlet.last(await answer.text());
  };
  said().catch((thrown) => outlet.last(rpcErrorText(internal(door, thrown), message.idText)));
}

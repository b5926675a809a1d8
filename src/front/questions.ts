/** What servers ask the client of a legacy session, and the answers it posts (F20). */

import { fault, type GatewayError } from "../base/errors.ts";
import { limits } from "../base/limits.ts";
import type { Random } from "../base/ports.ts";
import type { Asked, ClientAnswer } from "../call/incoming.ts";
import { notificationMessage } from "../protocol/envelope.ts";
import type { Pieces, ResponseMessage } from "../protocol/message.ts";
import { textOf } from "./answers.ts";

/** Those of one session. */
export interface Questions {
  readonly open: Map<string, Question>;
  /** Ids of the last ones that are over: an answer may have been on its way. */
  readonly closed: Set<string>;
}

interface Question {
  readonly id: string;
  /** The request in whose middle it was asked. */
  readonly owner: object;
  settle(answer: ClientAnswer): void;
  fail(error: GatewayError): void;
}

export interface Asking {
  readonly owner: object;
  readonly random: Random;
  readonly method: string;
  /** JSON text. */
  readonly params: Pieces;
  /** Writes to the stream of the request. */
  tell(message: string): void;
}

export function createQuestions(): Questions {
  return { open: new Map(), closed: new Set() };
}

export function ask(questions: Questions, asking: Asking): Asked {
  if (questions.open.size >= limits.questionsPerSession) return refused();
  // Random: an answer to a question of before a restart must not fit one of after it.
  const id = Buffer.from(asking.random.bytes(idBytes)).toString("base64url");
  let question!: Question;
  const answer = new Promise<ClientAnswer>((resolve, reject) => {
    question = { id, owner: asking.owner, settle: resolve, fail: reject };
  });
  ignore(answer);
  questions.open.set(id, question);
  const { method, params, tell } = asking;
  const head = `{"jsonrpc":"2.0","id":"${id}","method":${JSON.stringify(method)},"params":`;
  tell(textOf([head, ...params, "}"]));
  return {
    answer,
    cancel(reason) {
      if (!close(questions, question)) return;
      const why = JSON.stringify({ requestId: id, reason });
      tell(notificationMessage("notifications/cancelled", why));
      question.fail(fault("GW_CANCELLED", { message: "The question was taken back" }));
    },
  };
}

const idBytes = 12;

/** late: it was asked, and is over by now. */
export function answerQuestion(
  questions: Questions,
  message: ResponseMessage,
): "taken" | "late" | "unknown" {
  const { id, result, error, body } = message;
  const question = typeof id === "string" ? questions.open.get(id) : undefined;
  if (question === undefined) {
    return typeof id === "string" && questions.closed.has(id) ? "late" : "unknown";
  }
  close(questions, question);
  if (error !== undefined) question.settle({ ok: false, ...error });
  else {
    const [start, end] = body.span("result") ?? [0, 0];
    const bytes = body.bytes.subarray(start, end);
    question.settle({ ok: true, value: result ?? null, bytes });
  }
  return "taken";
}

/** The questions of a request end with it, or with the hope that its client comes back. */
export function closeQuestions(questions: Questions, owner: object, error: GatewayError): void {
  if (questions.open.size === 0) return;
  for (const question of [...questions.open.values()]) {
    if (question.owner === owner && close(questions, question)) question.fail(error);
  }
}

function close(questions: Questions, question: Question): boolean {
  if (!questions.open.delete(question.id)) return false;
  questions.closed.add(question.id);
  if (questions.closed.size > limits.questionsClosed) {
    for (const oldest of questions.closed) {
      questions.closed.delete(oldest);
      break;
    }
  }
  return true;
}

function refused(): Asked {
  const message = `A session has at most ${limits.questionsPerSession} questions open`;
  const data = { limit: limits.questionsPerSession };
  const answer = Promise.reject(fault("GW_QUESTIONS_FULL", { message, data }));
  ignore(answer);
  return { answer, cancel: () => undefined };
}

/** Whoever asked may be gone before the answer is. */
function ignore(answer: Promise<ClientAnswer>): void {
  answer.catch(() => undefined);
}

/** One HTTP exchange with a deadline that holds, whatever the other side does. */

import http from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { limits } from "../base/limits.ts";
import { doctorAgent } from "../gateway/watch-history.ts";

export interface Question {
  readonly url: string;
  readonly method?: "GET" | "POST" | "DELETE";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Path of a unix socket that is connected instead of the URL's host. */
  readonly socket?: string;
  /** What the name of the URL's host was resolved to: it is not resolved again. */
  readonly address?: string;
  /** PEM of CAs beside the system's. */
  readonly ca?: string | undefined;
  /** Do not check the certificate: a stage of its own does. */
  readonly anyCertificate?: boolean;
  /** ms for all of it. */
  readonly ms?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** At most `bodyBytes`; of an event stream up to its first answer. */
  readonly text: string;
}

/** Rejects with an Error whose `code` is an errno name, or ETIMEDOUT when nothing came in time. */
export function askHttp(question: Question): Promise<Reply> {
  const { url, socket, body, ms = limits.doctorAnswerMs } = question;
  const secure = url.startsWith("https:");
  return new Promise((resolve, reject) => {
    const options: https.RequestOptions = {
      method: question.method ?? (body === undefined ? "GET" : "POST"),
      agent: false,
      headers: headersOf(question),
      ...(socket === undefined ? {} : { socketPath: socket }),
      ...(question.address === undefined ? {} : { lookup: lookupOf(question.address) }),
      ...(question.ca === undefined ? {} : { ca: question.ca }),
      ...(question.anyCertificate === true ? { rejectUnauthorized: false } : {}),
    };
    const request = (secure ? https : http).request(url, options);
    const end = (act: () => void) => {
      clearTimeout(timer);
      act();
      request.destroy();
    };
    const timer = setTimeout(() => {
      const error = Object.assign(new Error(`no answer in ${ms} ms`), { code: "ETIMEDOUT" });
      end(() => reject(error));
    }, ms);
    request.on("error", (error) => end(() => reject(error)));
    request.on("response", (response) => {
      let text = "";
      const done = () => {
        const { statusCode: status = 0, headers } = response;
        end(() => resolve({ status, headers, text }));
      };
      const stream = String(response.headers["content-type"]).startsWith("text/event-stream");
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > limits.doctorAnswerChars || (stream && answerIn(text) !== undefined))
          done();
      });
      response.on("end", done);
      response.on("error", (error) => end(() => reject(error)));
    });
    request.end(body);
  });
}

function lookupOf(address: string): LookupFunction {
  const family = isIP(address);
  return (_host, { all }, done) => {
    if (all === true) done(null, [{ address, family }]);
    else done(null, address, family);
  };
}

function headersOf({ headers = {}, body }: Question): Record<string, string> {
  const own: Record<string, string> = { "user-agent": doctorAgent, connection: "close" };
  if (body !== undefined) own["content-length"] = String(Buffer.byteLength(body));
  return { ...own, ...headers };
}

export interface RpcAnswer {
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** The JSON-RPC answer in a body: JSON, or the first event that has one; undefined: none. */
export function answerIn(text: string): RpcAnswer | undefined {
  const plain = rpcOf(text);
  if (plain !== undefined) return plain;
  const ended = text.lastIndexOf("\n\n") + 2;
  const lines = text.slice(0, Math.max(ended, text.lastIndexOf("\r\n\r\n") + 4)).split("\n");
  for (const line of lines) {
    const found = line.startsWith("data:") ? rpcOf(line.slice("data:".length)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function rpcOf(text: string): RpcAnswer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    return "result" in value || "error" in value ? (value as RpcAnswer) : undefined;
  } catch {
    return undefined; // not JSON, or not all of it yet
  }
}

/** The way to a host in stages: its addresses, a connection to each, its certificate. */

import net from "node:net";
import tls from "node:tls";
import { limits } from "../base/limits.ts";
import { currentRuntime } from "../runtime/current.ts";

/** Addresses of a host; rejects with an Error that has a `code`, or is late. */
export async function resolveAll(host: string): Promise<readonly string[]> {
  if (net.isIP(host) !== 0) return [host];
  const { lookup } = await currentRuntime();
  return inTime(lookup(host), "the name was not resolved");
}

export type Reached = "open" | "refused" | "silent" | "no route" | "closed";

export interface Attempt {
  readonly address: string;
  readonly reached: Reached;
}

/** A bare connection to each address, all at once; told apart as a firewall's owner needs it. */
export function connectAll(
  addresses: readonly string[],
  port: number,
): Promise<readonly Attempt[]> {
  return Promise.all(
    addresses.map(async (address) => ({ address, reached: await connect(address, port) })),
  );
}

function connect(host: string, port: number): Promise<Reached> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    const end = (reached: Reached) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reached);
    };
    const timer = setTimeout(() => end("silent"), limits.doctorConnectMs);
    socket.once("connect", () => end("open"));
    socket.once("error", (error: NodeJS.ErrnoException) => end(reachedBy(error.code ?? "")));
  });
}

/** What an errno name means to the owner of a network. */
export function reachedBy(code: string): Reached {
  if (code === "ECONNREFUSED") return "refused";
  if (code === "ETIMEDOUT") return "silent";
  const routes = [
    "ENETUNREACH",
    "EHOSTUNREACH",
    "EADDRNOTAVAIL",
    "EAFNOSUPPORT",
    "EACCES",
    "EPERM",
  ];
  return routes.includes(code) ? "no route" : "closed";
}

/** `127.0.0.1:3100 refused, [::1]:3100 no route`. */
export function attemptsText(attempts: readonly Attempt[], port: number): string {
  return attempts.map(({ address, reached }) => `${at(address, port)} ${reached}`).join(", ");
}

export function at(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

export interface Certificate {
  /** Why it is not taken; undefined: it is good. */
  readonly fault: string | undefined;
  readonly subject: string;
  readonly issuer: string;
  /** Wall ms of its last moment; undefined where none was shown. */
  readonly endsMs: number | undefined;
}

/** A handshake that always looks at the certificate, and says what is wrong with it. */
export function certificateOf(options: {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly ca?: string | undefined;
}): Promise<Certificate> {
  const { address, port, name, ca } = options;
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      host: address,
      port,
      rejectUnauthorized: false,
      ...(net.isIP(name) === 0 ? { servername: name } : {}),
      ...(ca === undefined ? {} : { ca }),
    });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no TLS handshake in ${limits.doctorAnswerMs} ms`));
    }, limits.doctorAnswerMs);
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once("secureConnect", () => {
      clearTimeout(timer);
      const shown = socket.getPeerCertificate();
      const untrusted = socket.authorized ? undefined : socket.authorizationError;
      const wrongName = tls.checkServerIdentity(name, shown);
      socket.destroy();
      const endsMs = Date.parse(shown.valid_to ?? "");
      resolve({
        fault:
          wrongName !== undefined && isName(untrusted) ? wrongName.message : wordsOf(untrusted),
        subject: nameIn(shown.subject),
        issuer: nameIn(shown.issuer),
        endsMs: Number.isNaN(endsMs) ? undefined : endsMs,
      });
    });
  });
}

/** The runtime's word for a wrong name says nothing of the names. */
function isName(error: unknown): boolean {
  const words = wordsOf(error);
  return words === undefined || words.includes("ALTNAME");
}

function wordsOf(error: unknown): string | undefined {
  if (error === undefined || error === null) return undefined;
  const code = (error as { code?: unknown }).code;
  const text = typeof code === "string" ? code : error instanceof Error ? error.message : error;
  return String(text);
}

function nameIn(names: tls.PeerCertificate["subject"] | undefined): string {
  const { CN, O } = (names ?? {}) as Readonly<Record<string, unknown>>;
  return String(CN ?? O ?? "an unnamed issuer");
}

async function inTime<T>(work: Promise<T>, late: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${late} in time`)), limits.doctorAnswerMs);
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

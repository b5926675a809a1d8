/**
 * A second opinion on a request: llhttp, strict, the parser of Node's HTTP server, which Bun has
 * too. It gets all bytes of a connection at once and tells each request that it sees in them.
 */

interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly keepAlive: boolean;
  body: string;
  whole: boolean;
}

export function seenByLlhttp(bytes: Buffer): readonly SeenRequest[] {
  const parser = new HTTPParser();
  // 0: in nothing lenient. Sizes are no matter of opinion.
  parser.initialize(HTTPParser.REQUEST, {}, 1024 * 1024, 0);
  const requests: SeenRequest[] = [];
  // Of a head with very many fields it tells in parts.
  let early = "";
  parser[HTTPParser.kOnHeaders] = (_fields: string[], target: string) => {
    early += target;
  };
  parser[HTTPParser.kOnHeadersComplete] = (...told: HeadersComplete) => {
    const [, , , method, target, , , , keepAlive] = told;
    const name = llhttpMethods[method] ?? String(method);
    requests.push({ method: name, target: target ?? early, keepAlive, body: "", whole: false });
    early = "";
    return 0;
  };
  parser[HTTPParser.kOnBody] = (part: Uint8Array) => {
    requests.at(-1)!.body += Buffer.from(part).toString("latin1");
  };
  parser[HTTPParser.kOnMessageComplete] = () => {
    requests.at(-1)!.whole = true;
  };
  // An error it gives back is about what comes behind these.
  parser.execute(bytes);
  parser.close();
  return requests;
}

type HeadersComplete = [
  ...[major: number, minor: number, fields: string[] | undefined, method: number],
  ...[target: string | undefined, status: unknown, statusText: unknown],
  ...[upgrade: boolean, keepAlive: boolean],
];

interface Parser {
  [event: number]: unknown;
  initialize(type: number, resource: object, maxHeaderBytes: number, lenient: number): void;
  execute(bytes: Buffer): unknown;
  close(): void;
}

interface Parsers {
  readonly HTTPParser: (new () => Parser) & {
    readonly REQUEST: number;
    readonly kOnHeaders: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly allMethods: readonly string[];
}

const { HTTPParser, allMethods } = (
  process as unknown as { binding(name: "http_parser"): Parsers }
).binding("http_parser");

export const llhttpMethods = allMethods;

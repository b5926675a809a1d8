/** The head of an answer. */

/** Status line and fields, with the empty line. `framing`: a whole field line, or none. */
export function headText(
  response: Response,
  framing: string,
  { nowMs, stays }: { readonly nowMs: number; readonly stays: boolean },
): string {
  let text = `HTTP/1.1 ${response.status} ${reasons[response.status] ?? ""}\r\n`;
  response.headers.forEach((value, name) => {
    if (!ours.has(name)) text += `${name}: ${value}\r\n`;
  });
  text += `date: ${new Date(nowMs).toUTCString()}\r\n${framing}`;
  return `${text}${stays ? "" : "connection: close\r\n"}\r\n`;
}

const ours = new Set(["content-length", "transfer-encoding", "connection", "date"]);

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  202: "Accepted",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

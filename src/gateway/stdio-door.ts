/** Binds the stdio door of front/ to this process's stdin and stdout. */

import { limits } from "../base/limits.ts";
import { createLineReader } from "../base/lines.ts";
import { systemClock } from "../base/system.ts";
import { openStdioFront } from "../front/stdio.ts";
import type { StdioPorts } from "../front/stdio-relay.ts";

export interface StdioOptions extends Pick<StdioPorts, "token" | "bodyBytes" | "reach" | "note"> {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** Somebody ends us. */
  readonly stopped: Promise<void>;
}

/** Until the client closes its end. "unreadable": it sent what cannot be a message. */
export async function runStdio(options: StdioOptions): Promise<"closed" | "unreadable"> {
  const { input, output, stopped, ...ports } = options;
  const front = openStdioFront({
    ...ports,
    clock: systemClock,
    out(line) {
      const whole = typeof line === "string" ? `${line}\n` : Buffer.concat([line, lineFeed]);
      // Who does not read his answers gets no more of them by asking (R7).
      if (!output.write(whole)) input.pause();
    },
  });
  const over = Promise.withResolvers<"closed" | "unreadable">();
  const reader = createLineReader(limits.stdioLineBytes, {
    line: front.line,
    tooLong() {
      ports.note(`a line is over ${limits.stdioLineBytes} bytes: this is no MCP client`);
      over.resolve("unreadable");
    },
  });
  output.on("drain", () => input.resume());
  input.on("data", (chunk: Buffer) => reader.push(chunk));
  // What a piped file asked for is still answered.
  input.on("end", () => {
    systemClock.after(limits.stdioLingerMs, () => over.resolve("closed"));
    front.settled().then(() => over.resolve("closed"));
  });
  input.on("error", () => over.resolve("closed"));
  // A client that is gone reads no more; what was written for it is lost with it.
  output.on("error", () => over.resolve("closed"));
  const how = await Promise.race([over.promise, stopped.then(() => "closed" as const)]);
  input.removeAllListeners("data");
  if ("destroy" in input) (input as NodeJS.ReadStream).destroy();
  await front.close();
  return how;
}

const lineFeed = Buffer.from("\n");

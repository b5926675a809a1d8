/**
 * An HTTP server with one fault of http-faults.ts in a process of its own, so that it can be killed
 * and its memory is not the test's: `bun fault-http.ts FAULT [PORT] [legacy]` prints its URL.
 */

import process from "node:process";
import { faultServer } from "../fault-server.ts";
import { faulty } from "../http-faults.ts";

const [fault = "hang", port = "0", era] = process.argv.slice(2);
const server = await faultServer(faulty(fault), {
  port: Number(port),
  tools: () => ["t"],
  ...(era === "legacy" ? { session: () => "s" } : {}),
});
process.stdout.write(`${server.url}\n`);

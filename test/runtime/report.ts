/** What the runtime at hand does in each case of test/runtime/current.test.ts. */

import { mkdtempSync, openSync, rmSync } from "node:fs";
import * as http from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { currentRuntime } from "../../src/runtime/current.ts";
import type { Runtime } from "../../src/runtime/runtime.ts";
import { testCertificate } from "../kit/certificate.ts";

export async function runtimeReport(): Promise<Record<string, unknown>> {
  const runtime = await currentRuntime();
  const folder = mkdtempSync(join(tmpdir(), "gw-runtime-"));
  try {
    return {
      name: runtime.name,
      ...(await listening(runtime, folder)),
      ...(await dialling(runtime)),
      ...(await children(runtime)),
      fallocate: runtime.sys.fallocate(openSync(join(folder, "f"), "w"), 1 << 20),
      giveWay: runtime.sys.giveWay(),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const small = { bodyBytesMax: 1000, idleSeconds: 5 };

async function listening(runtime: Runtime, folder: string): Promise<Record<string, unknown>> {
  const listener = await runtime.listen({
    ...small,
    address: { host: "127.0.0.1", port: 0 },
    async handle(request, peer) {
      peer.keepOpen(request);
      return new Response(`${peer.address(request)}:${(await request.text()).length}`);
    },
  });
  const address = { host: "127.0.0.1", port: listener.port };
  const url = `http://127.0.0.1:${listener.port}/`;
  const post = (body: RequestInit["body"]) =>
    fetch(url, { method: "POST", body: body ?? null, duplex: "half" } as RequestInit);
  const socketPath = join(folder, "s");
  const unix = await runtime.listen({
    ...small,
    address: { path: socketPath },
    handle: (request, peer) => new Response(peer.address(request)),
  });
  const report = {
    body: await (await post("abc")).text(),
    tooLarge: [(await post("x".repeat(5000))).status, (await post(chunked())).status],
    inUse: await codeOf(runtime.listen({ ...small, address, handle: () => new Response() })),
    unix: await getUnix(socketPath),
  };
  await listener.stop(true);
  await unix.stop(true);
  return report;
}

function chunked(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(3000));
      controller.enqueue(new Uint8Array(3000));
      controller.close();
    },
  });
}

function getUnix(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path: "/" }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });
}

async function dialling(runtime: Runtime): Promise<Record<string, unknown>> {
  const { cert, key } = testCertificate;
  const listener = await runtime.listen({
    ...small,
    address: { host: "127.0.0.1", port: 0 },
    tls: { cert, key },
    handle: () => new Response("tls"),
  });
  const tried = (serverName: string, ca?: string) =>
    firstLine(runtime, listener.port, ca === undefined ? { serverName } : { serverName, ca });
  const report = {
    good: await tried("good.test", cert),
    "U24 wrong name": await tried("bad.test", cert),
    "U24 unknown authority": await tried("good.test"),
    refused: await codeOf(dial(runtime, "127.0.0.1", 1)),
    timeout: await mute(runtime),
  };
  await listener.stop(true);
  return report;
}

const silent = { data: () => undefined, drain: () => undefined, close: () => undefined };

function dial(runtime: Runtime, host: string, port: number): Promise<unknown> {
  return runtime.dial({ host, port, timeoutMs: 300, on: silent });
}

/** A server that accepts and never says a word of TLS. */
async function mute(runtime: Runtime): Promise<string> {
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const tls = { serverName: "good.test" };
  const code = await codeOf(
    runtime.dial({ host: "127.0.0.1", port, tls, timeoutMs: 300, on: silent }),
  );
  server.close();
  return code;
}

async function firstLine(
  runtime: Runtime,
  port: number,
  tls: { serverName: string; ca?: string },
): Promise<string> {
  const answer = Promise.withResolvers<string>();
  try {
    const connection = await runtime.dial({
      host: "127.0.0.1",
      port,
      tls,
      timeoutMs: 2000,
      on: { ...silent, data: (chunk) => answer.resolve(Buffer.from(chunk).toString()) },
    });
    connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const text = await answer.promise;
    connection.destroy();
    return text.split("\r\n")[0] ?? "";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function children(runtime: Runtime): Promise<Record<string, unknown>> {
  const environment = await run(runtime, ["/usr/bin/env"], { A: "1" });
  const echo = await run(runtime, ["/bin/cat"], {}, "hello\nworld\n");
  const descriptors = await run(runtime, ["/bin/ls", "/proc/self/fd"], {});
  return {
    "U9 environment": environment.out.trim().split("\n"),
    "U10 descriptors": descriptors.out.trim().split("\n"),
    echo: echo.out,
    missing: (await run(runtime, ["/no/such/program"], {})).error,
    group: (await run(runtime, ["/bin/sh", "-c", "sleep 60 & sleep 60"], {}, "", true)).signal,
  };
}

interface Ran {
  out: string;
  signal: string | null;
  error: string | undefined;
}

function run(
  runtime: Runtime,
  command: string[],
  env: Record<string, string>,
  input = "",
  kill = false,
): Promise<Ran> {
  return new Promise((resolve) => {
    let out = "";
    const child = runtime.spawn({
      command,
      env,
      on: {
        stdout: (chunk) => {
          out += Buffer.from(chunk).toString();
        },
        stderr: () => undefined,
        drain: () => undefined,
        exit: (_code, signal, error) =>
          resolve({ out, signal, error: (error as { code?: string } | undefined)?.code }),
      },
    });
    if (input !== "") child.write(input);
    if (kill) setTimeout(() => child.signal("SIGTERM"), 100);
    else child.closeStdin();
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "no error";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

if ("Deno" in globalThis) console.log(JSON.stringify(await runtimeReport()));

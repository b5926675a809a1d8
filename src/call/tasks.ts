/**
 * Tasks, where both sides speak the same era: each request is decided as the call that made the
 * task, and goes to the server that has it. Another key's id is as unknown as a forged one.
 */

import { fault, type GatewayError } from "../base/errors.ts";
import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Item } from "../catalog/catalog.ts";
import { resultMessage } from "../protocol/envelope.ts";
import type { Era } from "../protocol/message.ts";
import { tasksExtension } from "../protocol/translate/capabilities.ts";
import { makeCall } from "./call.ts";
import type { Handling, Incoming, Reply } from "./incoming.ts";
import type { Decided, DecidedCall, Method } from "./method.ts";
import { nothingToCancel } from "./nothing-to-cancel.ts";
import { framed } from "./parse.ts";
import type { CallPorts } from "./ports.ts";

const taskRequest: Decided = { covers: ["taskId"], anyArgs: true, parse: parseTask };

const both: readonly Era[] = ["legacy", "modern"];

export const taskMethods: readonly (readonly [string, Method])[] = [
  ["tasks/get", { eras: both, run }],
  ["tasks/cancel", { eras: both, run }],
  ["tasks/result", { eras: ["legacy"], run }],
  ["tasks/update", { eras: ["modern"], run }],
  ["tasks/list", { eras: ["legacy"], run: listTasks }],
];

function run(incoming: Incoming, reply: Reply, ports: CallPorts): Handling {
  return makeCall(incoming, reply, ports, taskRequest);
}

/** From the gateway's own table: a server's list would hold the tasks of other keys too. */
function listTasks({ message, identity }: Incoming, reply: Reply, ports: CallPorts): Handling {
  const tasks = JSON.stringify(ports.tasks.list(identity.keyId));
  reply.send(200, resultMessage(message.idText, `{"tasks":${tasks}}`));
  return nothingToCancel;
}

function parseTask(incoming: Incoming, ports: CallPorts): DecidedCall | GatewayError {
  const { message, identity, era } = incoming;
  const name = member(message.params, "taskId");
  if (typeof name !== "string" || name === "") {
    return fault("GW_PARAMS", { message: `${message.method} needs a string "taskId"` });
  }
  if (era === "modern" && !declaresTasks(incoming)) return undeclaredTasks();
  const opened = ports.tasks.open(identity.keyId, name);
  const item = opened && itemOf(ports, opened, era);
  framed(incoming, item);
  return {
    method: taskRequest,
    exposed: name,
    item,
    guess: undefined,
    args: {},
    argsBytes: message.body.part("taskId", "params"),
    replaced: opened && { key: "taskId", text: [JSON.stringify(opened.id)] },
    task: opened && { id: opened.id, name },
  };
}

/** The tool whose call made the task, if it is still its server's, which still speaks this era. */
function itemOf(
  ports: CallPorts,
  { server, exposed }: { server: string; exposed: string },
  era: Era,
): Item | undefined {
  const tool = ports.catalog.tool(exposed);
  const same = tool?.server === server && tool.upstream.hello()?.era === era;
  return same ? tool : undefined;
}

function declaresTasks({ capabilities }: Incoming): boolean {
  if (!capabilities.text.includes(tasksExtension)) return false;
  const extensions = member(JSON.parse(capabilities.text) as JsonObject, "extensions");
  return isObject(extensions) && isObject(member(extensions, tasksExtension));
}

/** 1.12: who does not declare the extension has no tasks. */
function undeclaredTasks(): GatewayError {
  return fault("GW_CLIENT_CAPABILITY", {
    message: "Tasks need the client to declare their extension",
    data: { requiredCapabilities: { extensions: { [tasksExtension]: {} } } },
  });
}

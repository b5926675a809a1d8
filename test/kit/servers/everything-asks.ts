/** What the everything server asks its client for: elicitation, sampling and roots. */

import {
  acceptedContent,
  type CallToolResult,
  type ClientCapabilities,
  createRequestStateCodec,
  type InputRequest,
  type InputResponses,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
  UrlElicitationRequiredError,
} from "@modelcontextprotocol/server";
import { z } from "zod";

type Responses = InputResponses | Record<string, unknown> | undefined;

/** Signs requestState, so that a changed one is refused as the specification demands. */
export const stateCodec = createRequestStateCodec<{ round: number }>({
  key: "a fixture's secret of thirty-two bytes or more",
});

/** An elicitation of one text field. */
export function askText(message: string, field: string): InputRequest {
  return inputRequired.elicit({
    message,
    requestedSchema: {
      type: "object",
      properties: { [field]: { type: "string" } },
      required: [field],
    },
  });
}

export function text(value: string): CallToolResult {
  return { content: [{ type: "text", text: value }] };
}

export type Era = "legacy" | "modern";

/** What this request's client declared: in its envelope, or at its session's start. */
export type Capabilities = (ctx: ServerContext) => ClientCapabilities;

export function registerAsks(server: McpServer, era: Era, capabilities: Capabilities): void {
  registerPushed(server);
  registerNamed(server);
  registerStateful(server);
  registerUrls(server, era, capabilities);
  server.registerTool(
    "test_input_required_result_capabilities",
    { description: "Asks only what its client can answer", inputSchema: z.object({}) },
    (_args, ctx) => {
      const declared = capabilities(ctx);
      const answers = ctx.mcpReq.inputResponses;
      if (answers !== undefined) return text(`Answered: ${Object.keys(answers).sort().join(", ")}`);
      return inputRequired({
        inputRequests: {
          ...(declared.elicitation === undefined ? {} : { user: askText("Your name?", "name") }),
          ...(declared.sampling === undefined ? {} : { model: sample("Say hello", 20) }),
          ...(declared.roots === undefined ? {} : { folders: inputRequired.listRoots() }),
        },
      });
    },
  );
}

/** Tools that a session's server answers by requests of its own in the middle of the call. */
function registerPushed(server: McpServer): void {
  server.registerTool(
    "test_sampling",
    { description: "Asks the client's model", inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, ctx) => {
      const said = sampled(ctx.mcpReq.inputResponses, "model");
      if (said !== undefined) return text(`LLM response: ${said}`);
      return inputRequired({ inputRequests: { model: sample(prompt, 100) } });
    },
  );
  server.registerTool(
    "test_elicitation",
    { description: "Asks the user", inputSchema: z.object({ message: z.string() }) },
    ({ message }, ctx) =>
      elicited(ctx, "User response", {
        message,
        properties: {
          username: { type: "string", description: "User's response" },
          email: { type: "string", description: "User's email address" },
        },
        required: ["username", "email"],
      }),
  );
  server.registerTool(
    "test_elicitation_sep1034_defaults",
    { description: "A form with defaults", inputSchema: z.object({}) },
    (_args, ctx) =>
      elicited(ctx, "Elicitation completed", {
        message: "Check these values",
        properties: {
          name: { type: "string", default: "John Doe" },
          age: { type: "integer", default: 30 },
          score: { type: "number", default: 95.5 },
          status: {
            type: "string",
            enum: ["active", "inactive", "pending"],
            default: "active",
          },
          verified: { type: "boolean", default: true },
        },
        required: [],
      }),
  );
  server.registerTool(
    "test_elicitation_sep1330_enums",
    { description: "A form with every kind of choice", inputSchema: z.object({}) },
    (_args, ctx) =>
      elicited(ctx, "Elicitation completed", {
        message: "Choose",
        properties: everyChoice,
        required: [],
      }),
  );
}

type Properties = Parameters<typeof inputRequired.elicit>[0]["requestedSchema"] extends infer S
  ? S extends { properties: infer P }
    ? P
    : never
  : never;

const options = ["option1", "option2", "option3"];
const titled = (kind: string) =>
  ["First", "Second", "Third"].map((title, at) => ({
    const: `value${at + 1}`,
    title: `${title} ${kind}`,
  }));

const everyChoice: Properties = {
  untitledSingle: { type: "string", enum: options },
  titledSingle: { type: "string", oneOf: titled("Option") },
  legacyEnum: {
    type: "string",
    enum: ["opt1", "opt2", "opt3"],
    enumNames: ["Option One", "Option Two", "Option Three"],
  },
  untitledMulti: { type: "array", items: { type: "string", enum: options } },
  titledMulti: { type: "array", items: { anyOf: titled("Choice") } },
};

interface Form {
  readonly message: string;
  readonly properties: Properties;
  readonly required: string[];
}

function elicited(ctx: ServerContext, said: string, form: Form) {
  const answer = inputResponse(ctx.mcpReq.inputResponses, "form");
  if (answer.kind === "elicit") {
    return text(`${said}: action=${answer.action}, content=${JSON.stringify(answer.content)}`);
  }
  const { message, properties, required } = form;
  const requestedSchema = { type: "object" as const, properties, required };
  return inputRequired({
    inputRequests: { form: inputRequired.elicit({ message, requestedSchema }) },
  });
}

/** Tools and a prompt whose questions have keys that the server chose. */
function registerNamed(server: McpServer): void {
  const named = (name: string, key: string, ask: () => InputRequest, done: Done) =>
    server.registerTool(
      name,
      { description: `Asks for ${key}`, inputSchema: z.object({}) },
      (_args, ctx) => {
        const answer = done(ctx.mcpReq.inputResponses);
        if (answer !== undefined) return text(answer);
        return inputRequired({ inputRequests: { [key]: ask() } });
      },
    );
  const hello = (responses: Responses) => {
    const name = acceptedContent(responses, "user_name")?.["name"];
    return typeof name === "string" ? `Hello, ${name}!` : undefined;
  };
  const whoAreYou = () => askText("What is your name?", "name");
  named("test_input_required_result_elicitation", "user_name", whoAreYou, hello);
  named("test_streaming_elicitation", "user_name", whoAreYou, hello);
  named(
    "test_input_required_result_sampling",
    "capital_question",
    () => sample("What is the capital of France?", 100),
    (responses) => sampled(responses, "capital_question"),
  );
  named(
    "test_input_required_result_list_roots",
    "client_roots",
    () => inputRequired.listRoots(),
    (responses) => rootsIn(responses, "client_roots"),
  );
  server.registerPrompt(
    "test_input_required_result_prompt",
    { description: "Asks for its context" },
    (ctx) => {
      const context = acceptedContent(ctx.mcpReq.inputResponses, "user_context")?.["context"];
      if (typeof context !== "string") {
        const ask = askText("What context should the prompt use?", "context");
        return inputRequired({ inputRequests: { user_context: ask } });
      }
      const content = { type: "text" as const, text: `Use this context: ${context}` };
      return { messages: [{ role: "user", content }] };
    },
  );
}

type Done = (responses: Responses) => string | undefined;

/** Tools that hand their client a signed requestState. */
function registerStateful(server: McpServer): void {
  const confirm = inputRequired.elicit({
    message: "Please confirm",
    requestedSchema: {
      type: "object",
      properties: { ok: { type: "boolean" } },
      required: ["ok"],
    },
  });
  for (const name of ["request_state", "tampered_state"]) {
    server.registerTool(
      `test_input_required_result_${name}`,
      { description: "Asks once and remembers by its state", inputSchema: z.object({}) },
      async (_args, ctx) => {
        const ok = acceptedContent(ctx.mcpReq.inputResponses, "confirm")?.["ok"];
        if (ok !== undefined && roundOf(ctx) === 1) return text(`state-ok, confirmed: ${ok}`);
        return inputRequired({
          inputRequests: { confirm },
          requestState: await stateCodec.mint({ round: 1 }),
        });
      },
    );
  }
  server.registerTool(
    "test_input_required_result_multi_round",
    { description: "Asks twice", inputSchema: z.object({}) },
    async (_args, ctx) => {
      const round = roundOf(ctx);
      const answers = ctx.mcpReq.inputResponses;
      const color = acceptedContent(answers, "step2")?.["color"];
      if (round === 2 && color !== undefined) return text(`Both steps done: ${color}`);
      const named = round === 1 && acceptedContent(answers, "step1") !== undefined;
      const again = round === 2;
      return inputRequired({
        inputRequests:
          named || again
            ? { step2: askText("Step 2: What is your favorite color?", "color") }
            : { step1: askText("Step 1: What is your name?", "name") },
        requestState: await stateCodec.mint({ round: named || again ? 2 : 1 }),
      });
    },
  );
  server.registerTool(
    "test_input_required_result_multiple_inputs",
    { description: "Asks three things at once", inputSchema: z.object({}) },
    async (_args, ctx) => {
      const answers = ctx.mcpReq.inputResponses;
      const name = acceptedContent(answers, "user_name")?.["name"];
      const greeting = sampled(answers, "greeting");
      const roots = rootsIn(answers, "client_roots");
      if (name !== undefined && greeting !== undefined && roots !== undefined) {
        return text(`${name}: ${greeting} (${roots})`);
      }
      return inputRequired({
        inputRequests: {
          user_name: askText("What is your name?", "name"),
          greeting: sample("Generate a greeting", 50),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await stateCodec.mint({ round: 1 }),
      });
    },
  );
}

function registerUrls(server: McpServer, era: Era, capabilities: Capabilities): void {
  const page = { url: "https://example.com/consent", message: "Please give your consent" };
  server.registerTool(
    "test_url_elicitation",
    { description: "Sends the user to a page", inputSchema: z.object({}) },
    (_args, ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, "consent");
      if (answer.kind === "elicit") return text(`Consent: ${answer.action}`);
      return inputRequired({ inputRequests: { consent: inputRequired.elicitUrl(page) } });
    },
  );
  let asked = false;
  server.registerTool(
    "test_url_elicitation_error",
    { description: "Fails until its page was visited", inputSchema: z.object({}) },
    (_args, ctx) => {
      const answer = inputResponse(ctx.mcpReq.inputResponses, "consent");
      if (answer.kind === "elicit" || asked) {
        asked = false;
        return text("Consent: given");
      }
      if (era === "modern") {
        return inputRequired({ inputRequests: { consent: inputRequired.elicitUrl(page) } });
      }
      asked = capabilities(ctx).elicitation?.url !== undefined;
      throw new UrlElicitationRequiredError([{ mode: "url", elicitationId: "consent", ...page }]);
    },
  );
}

export function sample(prompt: string, maxTokens: number): InputRequest {
  const content = { type: "text" as const, text: prompt };
  return inputRequired.createMessage({ messages: [{ role: "user", content }], maxTokens });
}

function sampled(responses: Responses, key: string): string | undefined {
  const answer = inputResponse(responses, key);
  if (answer.kind !== "sampling") return undefined;
  const { content } = answer.result;
  const parts = Array.isArray(content) ? content : [content];
  return parts.map((part) => (part.type === "text" ? part.text : part.type)).join(" ");
}

function rootsIn(responses: Responses, key: string): string | undefined {
  const answer = inputResponse(responses, key);
  return answer.kind === "roots"
    ? `Roots: ${answer.roots.map((r) => r.uri).join(", ")}`
    : undefined;
}

function roundOf(ctx: ServerContext): number | undefined {
  return ctx.mcpReq.requestState<{ round: number }>()?.round;
}

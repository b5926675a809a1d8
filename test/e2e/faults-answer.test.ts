/** Servers that are reached and answer wrongly: what doctor finds, what the agent is told. */

import { describe } from "bun:test";
import { answerFaults } from "../doctor/faults-server.ts";
import { testFaults } from "../doctor/run.ts";

describe("gateway to server, the answers", () => testFaults(answerFaults));

/** Faults between agent and gateway: what doctor finds, what the agent is told, what mends it. */

import { describe } from "bun:test";
import { agentFaults } from "../doctor/faults-agent.ts";
import { testFaults } from "../doctor/run.ts";

describe("agent to gateway", () => testFaults(agentFaults));

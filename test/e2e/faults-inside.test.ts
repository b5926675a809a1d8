/** Faults that only the running gateway sees: what doctor finds, what the agent is told. */

import { describe } from "bun:test";
import { insideFaults } from "../doctor/faults-inside.ts";
import { testFaults } from "../doctor/run.ts";

describe("gateway to server, seen by the gateway alone", () => testFaults(insideFaults));

/** Faults that are over when doctor is asked: what was, from when to when, how often. */

import { describe } from "bun:test";
import { pastFaults } from "../doctor/faults-over.ts";
import { testFaults } from "../doctor/run.ts";

describe("what is over", () => testFaults(pastFaults));

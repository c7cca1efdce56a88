/** What node loads before a Pulumi program, or a policy pack, to load from the archive. */
import "./register";
import { mapNoPackages } from "./seldom";

// A sixth of a run would go into source maps of stacks that are kept in case a promise leaks.
Error.stackTraceLimit = 0;
mapNoPackages();

/** What node loads before a program that was compiled for the tests. */
import * as path from "node:path";
import { ARCHIVE, useArchive } from "./archive";
import { loadSeldomLater, mapNoPackages } from "./seldom";

// A sixth of a run would go into source maps of stacks that are kept in case a promise leaks.
Error.stackTraceLimit = 0;
loadSeldomLater();
useArchive(path.join(__dirname, ARCHIVE));
mapNoPackages();

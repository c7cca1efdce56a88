/** What node loads before a tool of ours, to load from the archive. */
import * as path from "node:path";
import { ARCHIVE, useArchive } from "./archive";
import { loadSeldomLater } from "./seldom";

loadSeldomLater();
useArchive(path.join(__dirname, ARCHIVE));

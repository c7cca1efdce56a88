/** Writes the JSON Schema of stack files into the project's folder: `npm run schema`. */
import { writeFileSync } from "node:fs";
import * as path from "node:path";
import { renderStackFileSchema, SCHEMA_FILE } from "./jsonSchema";

writeFileSync(path.join(__dirname, "..", SCHEMA_FILE), renderStackFileSchema());

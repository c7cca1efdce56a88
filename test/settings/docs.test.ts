/** The tables of keys in docs/configuration.md say what the schema says. */
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { describe, expect, it } from "vitest";
import { SANDBOX_DEFAULTS } from "../../model/defaults";
import { parseYaml } from "../../model/yaml";
import { parseSettings } from "../../settings/parse";
import { schemaKeys } from "./schemaKeys";

const ROOT = path.join(__dirname, "..", "..");

const KEYS = new Map(schemaKeys().map(({ key, schema }) => [key, schema["default"]]));

/** Texts between backticks. */
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, inner]) => inner ?? "");

/** A key as the schema has it: a sandbox's may be written without the sandbox. */
const whole = (key: string) => (key.startsWith(".") ? `sandboxes.<name>${key}` : key);

interface Row {
    readonly keys: readonly string[];
    /** As it is written. */
    readonly usual: string;
    readonly meaning: string;
}

/** Rows of the table of keys. */
function rowsOf(text: string): Row[] {
    const table = text.split("| key | default | meaning |\n")[1]?.split("\n\n")[0] ?? "";
    return table
        .split("\n")
        .slice(1)
        .map((line) => line.split("|").map((cell) => cell.trim()))
        .map(([, keys = "", usual = "", meaning = ""]) => ({
            keys: quoted(keys).map(whole),
            usual,
            meaning,
        }));
}

/** What stands in a table for a default. A list of some is written one by one. */
function literals(value: unknown): string[] {
    return Array.isArray(value) && value.length > 0
        ? value.map(String)
        : [typeof value === "string" ? value : JSON.stringify(value)];
}

/** What is wrong with the defaults of a row. */
function wrongDefaults({ keys, usual }: Row): string[] {
    const said = quoted(usual);
    const onlyValues = said.length > 0 && usual.replace(/`[^`]+`|,|\s/g, "") === "";
    return keys.flatMap((key, index) => {
        const value = KEYS.get(key);
        // Nothing in it: that may be said by what then counts, in words.
        const isEmpty = ["[]", "{}"].includes(JSON.stringify(value));
        if (value === undefined || (isEmpty && !onlyValues)) {
            return onlyValues && KEYS.has(key) ? [`${key} has no default`] : [];
        }
        const expected = literals(value);
        const own = keys.length === said.length ? said.slice(index, index + 1) : said;
        return expected.join() === own.join() && onlyValues
            ? []
            : [`${key}: ${usual} is not ${expected.join()}`];
    });
}

/** Whether the schema has a key, or a name of the user's there. */
const exists = (key: string) =>
    KEYS.has(key) || [...KEYS.keys()].some((each) => each.startsWith(`${key}.`));

describe("docs/configuration.md", () => {
    const text = readFileSync(path.join(ROOT, "docs/configuration.md"), "utf8");
    const rows = rowsOf(text);

    it("has a table of keys, each once, and none that does not exist", () => {
        const keys = rows.flatMap((row) => row.keys);
        expect(keys.length).toBeGreaterThan(5);
        expect(keys.filter((key, index) => keys.indexOf(key) !== index)).toEqual([]);
        expect(keys.filter((key) => !exists(key))).toEqual([]);
    });

    it("speaks of no key that does not exist", () => {
        // OpenClaw has keys of its own, which begin in the same way.
        const own = text.replace(/\n## OpenClaw\n[^]*?(?=\n## )/, "");
        const mentioned = quoted(own.replace(/```[^]*?```/g, "")).filter((each) =>
            /^(gateway|existingCluster|sandboxes\.<name>|)\.[A-Za-z.0-9]+$/.test(each),
        );
        expect(mentioned.length).toBeGreaterThan(3);
        expect(mentioned.filter((each) => !exists(whole(each)))).toEqual([]);
    });

    it("has the defaults of the schema", () => {
        expect(rows.flatMap(wrongDefaults)).toEqual([]);
    });

    it("has every key: in a row of its own, or by name in the row of what it is a part of", () => {
        const rowOf = new Map(rows.flatMap((row) => row.keys.map((key) => [key, row] as const)));
        const missing = [...KEYS.keys()].filter((key) => {
            const parts = key.split(".");
            const ancestors = parts.map((_, i) => parts.slice(0, parts.length - i).join("."));
            const owner = ancestors.find((each) => rowOf.has(each));
            const words = quoted((owner && rowOf.get(owner)?.meaning) ?? "").flatMap((each) =>
                each.split(/[^\w-]+/),
            );
            const rest = parts.slice(owner?.split(".").length ?? 0);
            const named = rest.every((part) => part === "<name>" || words.includes(part));
            const below = [...rowOf.keys()].some((each) => each.startsWith(`${key}.`));
            return !(named && owner !== undefined) && !below;
        });
        expect(missing).toEqual([]);
    });

    it("has both times that a start may take", () => {
        const row = rows.find(({ keys }) => keys.includes("sandboxes.<name>.startTimeoutSeconds"));
        const { firstStartTimeoutSeconds, startTimeoutSeconds } = SANDBOX_DEFAULTS;
        expect(quoted(row?.usual ?? "").map(Number)).toEqual([
            firstStartTimeoutSeconds,
            startTimeoutSeconds,
        ]);
    });

    it("has examples that the program takes", () => {
        const blocks = [...text.matchAll(/```yaml\n(sandbox-gateway:sandboxes:\n[^]*?)```/g)];
        expect(blocks.length).toBeGreaterThan(1);
        for (const [, block = ""] of blocks) {
            const { "sandbox-gateway:sandboxes": sandboxes } = parseYaml(block) as Record<
                string,
                unknown
            >;
            expect(parseSettings({ sandboxes }).problems).toEqual([]);
        }
    });
});

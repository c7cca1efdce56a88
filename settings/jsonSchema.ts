/**
 * Pure: JSON Schema of a stack's file, for editors. It says what each value by itself may be; rules between
 * keys, and those that no pattern says, are the program's alone.
 */
import { z } from "zod";
import { schema } from "./schema";
import { PROJECT } from "./stackConfig";

/** Name of the file in the project's folder. */
export const SCHEMA_FILE = "sandbox-gateway.schema.json";

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What `pulumi config set --secret` writes in place of a text. */
const SECRET: JsonSchema = {
    description: "A text that is encrypted: `pulumi config set --secret --path`.",
    type: "object",
    properties: { secure: { type: "string" } },
    required: ["secure"],
    additionalProperties: false,
};

/** What `pulumi config set` without `--path`, and `--config KEY=VALUE`, write. */
const WRITTEN_AS_TEXT: JsonSchema = { type: "string", description: "The same as JSON in a text." };

const SWITCH_AS_TEXT: JsonSchema = { ...WRITTEN_AS_TEXT, enum: ["true", "false"] };

/** JSON Schema of `Pulumi.STACK.yaml`, draft 7, which editors read. */
export function stackFileSchema(): JsonSchema {
    const settings = z.toJSONSchema(schema, { target: "draft-7", io: "input" }) as {
        readonly properties: Readonly<Record<string, JsonSchema>>;
    };
    const keys = Object.keys(settings.properties);
    const properties = Object.entries(settings.properties).map(([key, value]) => {
        const { description, default: usual, ...rest } = withSecrets(value);
        return [
            `${PROJECT}:${key}`,
            {
                ...notes(description, usual),
                anyOf: [rest, rest["type"] === "boolean" ? SWITCH_AS_TEXT : WRITTEN_AS_TEXT],
            },
        ] as const;
    });
    return {
        $schema: "http://json-schema.org/draft-07/schema#",
        title: `Configuration of a stack of ${PROJECT}`,
        type: "object",
        properties: {
            config: {
                description: "Values by key: those of this project, and of Pulumi's providers.",
                type: "object",
                properties: Object.fromEntries(properties),
                // A key of the project's that does not exist; Pulumi's older form has `config:` in it.
                patternProperties: { [`^${PROJECT}:(?!(config:.*|${keys.join("|")})$)`]: false },
            },
        },
        definitions: { secret: SECRET },
    };
}

/** The content of `SCHEMA_FILE`. */
export function renderStackFileSchema(): string {
    return `${JSON.stringify(stackFileSchema(), undefined, 4)}\n`;
}

/** Keywords whose value is a schema, or a list of schemas. */
const SCHEMAS = ["items", "additionalProperties", "anyOf"];

/** A schema that takes a secret wherever it takes a text. Names of keys, `propertyNames`, are no such places. */
function withSecrets(node: JsonSchema): JsonSchema {
    const {
        description,
        default: usual,
        ...rest
    } = Object.fromEntries(
        Object.entries(node).map(([keyword, value]) => [keyword, below(keyword, value)]),
    );
    const shown = notes(description, usual);
    return [rest["type"]].flat().includes("string")
        ? { ...shown, anyOf: [rest, { $ref: "#/definitions/secret" }] }
        : { ...shown, ...rest };
}

function below(keyword: string, value: unknown): unknown {
    if (keyword === "properties") {
        const properties = Object.entries(value as Readonly<Record<string, JsonSchema>>);
        return Object.fromEntries(properties.map(([name, each]) => [name, withSecrets(each)]));
    }
    if (!SCHEMAS.includes(keyword) || typeof value === "boolean") {
        return value;
    }
    return Array.isArray(value)
        ? value.map((each) => withSecrets(each as JsonSchema)).flatMap(branches)
        : withSecrets(value as JsonSchema);
}

/** The branches of a schema that has nothing besides: a branch of a union may be a union itself. */
function branches(node: JsonSchema): readonly JsonSchema[] {
    const { anyOf, ...rest } = node;
    return anyOf !== undefined && Object.keys(rest).length === 0
        ? (anyOf as readonly JsonSchema[])
        : [node];
}

/** Keywords that editors show, in front of those that a value is held to. */
function notes(description: unknown, usual: unknown): JsonSchema {
    return {
        ...(description === undefined ? {} : { description }),
        ...(usual === undefined ? {} : { default: usual }),
    };
}

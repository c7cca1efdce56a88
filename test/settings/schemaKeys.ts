/** The keys of the configuration, as the JSON Schema of a stack's file has them. */
import { stackFileSchema, type JsonSchema } from "../../settings/jsonSchema";
import { PROJECT } from "../../settings/stackConfig";

/** A key, and what the schema says of its value. */
export interface SchemaKey {
    /** `gateway.name`; a name of the user's, such as a sandbox's, is `<name>`, an element of a list nothing. */
    readonly key: string;
    readonly schema: JsonSchema;
}

/** All keys, those of this project's alone. */
export function schemaKeys(): SchemaKey[] {
    const { properties } = stackFileSchema() as {
        readonly properties: { readonly config: JsonSchema };
    };
    const keys = below(properties.config, "").map(({ key, schema }) => ({
        key: key.replace(`${PROJECT}:`, ""),
        schema,
    }));
    return [...new Map(keys.map((each) => [each.key, each])).values()];
}

/** Keys of a part of the schema; the shape of a secret is none of the configuration's. */
function below(node: JsonSchema, at: string): SchemaKey[] {
    const {
        properties = {},
        anyOf = [],
        additionalProperties,
        items,
    } = node as {
        readonly properties?: Readonly<Record<string, JsonSchema>>;
        readonly anyOf?: readonly JsonSchema[];
        readonly additionalProperties?: JsonSchema | boolean;
        readonly items?: JsonSchema;
    };
    const named = Object.entries(properties).flatMap(([name, schema]) => {
        const key = at === "" ? name : `${at}.${name}`;
        return [{ key, schema }, ...below(schema, key)];
    });
    return [
        ...named,
        ...anyOf.flatMap((each) => below(each, at)),
        ...(typeof additionalProperties === "object"
            ? below(additionalProperties, `${at}.<name>`)
            : []),
        ...(items ? below(items, at) : []),
    ];
}

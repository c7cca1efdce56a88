/** Pure: YAML as the engine reads it, which is Go's yaml.v3: YAML 1.2 with some habits of 1.1. */
import { isCollection, isScalar, parseAllDocuments, type ScalarTag } from "yaml";

/** Whole numbers of 1.1: `0644` is octal, `1_000` a thousand, `0b11` three. */
const wholeNumber: ScalarTag = {
    tag: "tag:yaml.org,2002:int",
    default: true,
    test: /^[-+]?(0b[01_]+|0[0-7_]+|[1-9][0-9]*_[0-9_]*)$/,
    resolve: (text) => {
        const digits = text.replace(/_/g, "").replace(/^[-+]/, "");
        const value = digits.startsWith("0b")
            ? parseInt(digits.slice(2), 2)
            : parseInt(digits, /^0./.test(digits) ? 8 : 10);
        return text.startsWith("-") ? -value : value;
    },
};

/**
 * The first document of a text: block or flow style, with anchors and merge keys, or JSON.
 *
 * @throws Error saying where it is none
 */
export function parseYaml(text: string): unknown {
    const document = firstOf(text);
    const [error] = document?.errors ?? [];
    if (error) {
        throw error;
    }
    return document?.toJS({ maxAliasCount: -1 });
}

/** What stands at a path without quotes, letter by letter. @default nothing that can be told */
export type Written = (path: readonly PropertyKey[]) => string | undefined;

/** How the values of a text's first document are written, before YAML makes numbers, dates and the like of them. */
export function writtenIn(text: string): Written {
    const content = firstOf(text)?.contents;
    return (path) => {
        const node: unknown = isCollection(content) ? content.getIn(path, true) : undefined;
        return isScalar(node) && node.type === "PLAIN" ? node.source : undefined;
    };
}

function firstOf(text: string) {
    const [document] = parseAllDocuments(text.replace(/^\ufeff/, ""), {
        merge: true,
        // Whatever a directive says, as Go does.
        schema: "core",
        customTags: (tags) => [wholeNumber, ...tags],
    });
    return document;
}

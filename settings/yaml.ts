/** Pure: YAML as the engine reads it, which is Go's yaml.v3: YAML 1.2 with some habits of 1.1. */
import { parseAllDocuments, type ScalarTag } from "yaml";

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
    const [document] = parseAllDocuments(text.replace(/^\ufeff/, ""), {
        merge: true,
        // Whatever a directive says, as Go does.
        schema: "core",
        customTags: (tags) => [wholeNumber, ...tags],
    });
    const [error] = document && "errors" in document ? document.errors : [];
    if (error) {
        throw error;
    }
    return document && "toJS" in document ? document.toJS({ maxAliasCount: -1 }) : undefined;
}

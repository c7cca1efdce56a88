/** Pure: what a change of the outbound proxy opens, by what its pods are given. */
import { ANNOTATION_MODELS, PROXY_FILE } from "../model/outboundNames";
import { same } from "./policyWidth";

/** A ConfigMap, as far as it is compared. */
export interface ConfigMap {
    readonly data?: Readonly<Record<string, string>>;
}

/** What makes a Deployment's pods anew. */
export interface Deployment {
    readonly spec?: {
        readonly template?: {
            readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
        };
    };
}

/** Lines that list something; of no other kind is more of them more that is reached. */
const LISTED = /^acl (?:listed|private) var\(txn\.host\) -m (str|end) (\S+)$/;

/** A section of HAProxy's configuration, by its first line. */
type Sections = ReadonlyMap<string, readonly string[]>;

/**
 * What a new configuration reaches. Lines that list hosts are compared one by one; whatever else changes in
 * a section that was there could let anything through.
 */
export function opensOfProxy(before: ConfigMap, after: ConfigMap): string[] {
    const [was, is] = [before, after].map(({ data }) => sectionsOf(data?.[PROXY_FILE] ?? ""));
    const opens = [...(is as Sections)].flatMap(([head, lines]) => {
        const old = (was as Sections).get(head);
        const more = lines.filter((line) => LISTED.test(line) && !old?.includes(line));
        return [
            ...more.map((line) => `${head.replace(/^frontend /, "")} reaches ${hostOf(line)}`),
            ...(old && !same(rest(old), rest(lines)) ? [`${head} decides by other rules`] : []),
            // Those of a new sandbox are seen by what they list; of another kind there is no new one.
            ...(old === undefined && !head.startsWith("frontend ") ? [`${head} is new`] : []),
        ];
    });
    return [...new Set(opens)];
}

/** Where models are is secret, and so is not in a preview: a digest of it is. */
export function opensOfModels(before: Deployment, after: Deployment): string[] {
    const [was, is] = [before, after].map(
        ({ spec }) => spec?.template?.metadata?.annotations?.[ANNOTATION_MODELS],
    );
    return was === is ? [] : ["a model is somewhere else, or has another key: the key goes there"];
}

function sectionsOf(text: string): Sections {
    const sections = new Map<string, string[]>();
    let lines: string[] = [];
    for (const line of text.split("\n")) {
        if (/^\S/.test(line) && !line.startsWith("#")) {
            lines = [];
            sections.set(line, lines);
        } else if (line.trim() !== "" && !line.trim().startsWith("#")) {
            lines.push(line.trim());
        }
    }
    return sections;
}

/** Of lists, whether there is one: names come and go in them. */
function rest(lines: readonly string[]): string[] {
    return lines.filter((line) => !/^acl (listed|private) /.test(line));
}

function hostOf(line: string): string {
    const [, kind, host = ""] = LISTED.exec(line) ?? [];
    const near = line.startsWith("acl private ") ? " at an address of a private network" : "";
    return `${kind === "end" ? `*${host}` : host}${near}`;
}

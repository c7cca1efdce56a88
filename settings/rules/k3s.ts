/** Rules of `gateway.k3s`: k3s itself ignores a flag that it does not know, and accepts flags that break a gateway. */
import { closest, distance } from "fastest-levenshtein";
import type { K3sValue } from "../../components/gateway/k3sConfig";
import {
    argumentName,
    FLAG_VALUES,
    K3S_FLAGS,
    K3S_FLAGS_RELEASE,
    OPTIONAL_ADDONS,
    REFUSED_ARGUMENTS,
    REFUSED_FLAGS,
    type FlagKind,
} from "../../model/k3sFlags";
import type { Problem } from "../problems";
import type { GatewaySettings } from "../schema";

/** Which values each kind of flag accepts. */
const KINDS: Readonly<
    Record<FlagKind, { takes: (value: K3sValue) => boolean; rule: string; example: string }>
> = {
    list: {
        takes: (value) => Array.isArray(value) || typeof value === "string",
        rule: "be a list of texts",
        example: '["v=2"]',
    },
    switch: {
        takes: (value) => /^(true|false)$/.test(one(value)),
        rule: "be true or false",
        example: "true",
    },
    number: {
        takes: (value) => /^[0-9]+$/.test(one(value)),
        rule: "be a whole number",
        example: "2",
    },
    duration: {
        takes: (value) => /^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/.test(one(value)),
        rule: "be a duration",
        example: "5m0s",
    },
    text: {
        takes: (value) => typeof value === "string" || typeof value === "number",
        rule: "be one text",
        example: '"overlayfs"',
    },
};

/** The problems of k3s's settings. No message repeats the value of a flag that may be secret. */
export function checkK3s({ k3s, newK3sFlags }: GatewaySettings): Problem[] {
    return Object.entries(k3s).flatMap(([name, value]) => {
        const refused = REFUSED_FLAGS.get(name);
        if (refused) {
            return [notHere(name, name, refused)];
        }
        const kind = K3S_FLAGS.get(name);
        if (kind === undefined) {
            return newK3sFlags.includes(name) ? [] : [unknown(name)];
        }
        const { takes, rule, example } = KINDS[kind];
        return takes(value)
            ? checkValue(name, value)
            : [{ key: `gateway.k3s.${name}`, got: value, rule, example }];
    });
}

function checkValue(name: string, value: K3sValue): Problem[] {
    const key = `gateway.k3s.${name}`;
    const values = FLAG_VALUES.get(name);
    if (values && !values.includes(one(value))) {
        const rule = `be one of ${values.join(", ")}`;
        return [{ key, got: value, rule, example: values[0] as string }];
    }
    if (name === "disable") {
        return items(value)
            .flatMap((item) => item.split(","))
            .filter((item) => !OPTIONAL_ADDONS.includes(item.trim()))
            .map((got) => ({
                ...{ key, got },
                rule: `name add-ons that no sandbox needs (${OPTIONAL_ADDONS.join(", ")}), which are left out already`,
                example: "the same without this key",
            }));
    }
    const refused = REFUSED_ARGUMENTS.get(name);
    return items(value)
        .map(argumentName)
        .flatMap((argument) => {
            const refusal = refused?.get(argument);
            return refusal ? [notHere(name, argument, refusal)] : [];
        })
        .concat(checkPids(name, value));
}

/** The kubelet takes `pod-max-pids` of zero or less for no limit. */
function checkPids(name: string, value: K3sValue): Problem[] {
    return items(value)
        .filter((item) => name === "kubelet-arg" && argumentName(item) === "pod-max-pids")
        .filter((item) => !/=[1-9][0-9]*$/.test(item))
        .map((got) => ({
            ...{ key: `gateway.k3s.${name}`, got },
            rule: "limit the processes of a pod: without a limit one sandbox takes all of the machine's",
            example: '["pod-max-pids=8192"]',
        }));
}

function notHere(
    name: string,
    got: string,
    { reason, instead }: { readonly reason: string; readonly instead: string },
): Problem {
    return {
        ...{ key: `gateway.k3s.${name}`, got, example: instead },
        rule: `not be set here: ${reason}`,
    };
}

function unknown(name: string): Problem {
    const like = closest(name, [...K3S_FLAGS.keys()]);
    const near = distance(name, like) <= Math.max(2, name.length / 4);
    return {
        key: `gateway.k3s.${name}`,
        got: name,
        rule: `be a flag of k3s server ${K3S_FLAGS_RELEASE}${near ? ` (did you mean ${like}?)` : ""}, or be listed in gateway.newK3sFlags when gateway.image has a k3s that knows it: k3s skips what it does not know`,
        example: near ? like : "kubelet-arg",
    };
}

function items(value: K3sValue): string[] {
    return Array.isArray(value) ? (value as string[]) : [String(value)];
}

/** A single value as text; a list is no single value, and gives an empty text. */
function one(value: K3sValue): string {
    return Array.isArray(value) ? "" : String(value);
}

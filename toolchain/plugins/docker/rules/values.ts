/** Rules for single values, in the real plugin's words where they are recorded. */

import { text } from "../../host/values";
import type { Json } from "../../host/values";

type Rule = (value: Json) => string | undefined;

export function matches(pattern: RegExp): Rule {
    return (value) =>
        pattern.test(text(value))
            ? undefined
            : // The real plugin says it twice: once as the summary, once as the detail.
              twice(`'${text(value)}' doesn't match the pattern '${pattern.source}'`);
}

function twice(text: string): string {
    return `${text}. ${text}`;
}

export const atLeast =
    (min: number): Rule =>
    (value) =>
        Number(value) >= min
            ? undefined
            : `expected a number of at least ${min}, got ${text(value)}`;

const between =
    (min: number, max: number): Rule =>
    (value) =>
        Number(value) >= min && Number(value) <= max
            ? undefined
            : `expected a number from ${min} to ${max}, got ${text(value)}`;

export const port = between(1, 65535);
/** 0 lets the daemon choose. */
export const hostPort = between(0, 65535);

const UNIT_NS: Readonly<Record<string, number>> = {
    ns: 1,
    us: 1e3,
    µs: 1e3,
    ms: 1e6,
    s: 1e9,
    m: 60e9,
    h: 3600e9,
};

/** A Go duration ("1m30s") in nanoseconds; undefined if it is none. */
export function parseDuration(text: string): number | undefined {
    if (text === "0") {
        return 0;
    }
    if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) {
        return undefined;
    }
    let total = 0;
    for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
        total += Number(amount) * (UNIT_NS[unit ?? ""] ?? 0);
    }
    return Math.round(total);
}

/** How Go prints a duration: "60s" is read back as "1m0s". */
export function formatDuration(ns: number): string {
    if (ns === 0) {
        return "0s";
    }
    if (ns < 1e3) {
        return `${ns}ns`;
    }
    if (ns < 1e6) {
        return `${ns / 1e3}µs`;
    }
    if (ns < 1e9) {
        return `${ns / 1e6}ms`;
    }
    const hours = Math.floor(ns / 3600e9);
    const minutes = Math.floor((ns % 3600e9) / 60e9);
    const seconds = (ns % 60e9) / 1e9;
    return `${hours ? `${hours}h` : ""}${hours || minutes ? `${minutes}m` : ""}${seconds}s`;
}

export const duration: Rule = (value) =>
    parseDuration(text(value)) === undefined
        ? `"${text(value)}" is not a duration; expected something like "5s" or "1m30s"`
        : undefined;

export const absolutePath: Rule = (value) =>
    text(value).startsWith("/")
        ? undefined
        : `"${text(value)}" must be an absolute path such as "/etc/app.conf"`;

export const octalMode: Rule = (value) =>
    value === "" || /^0?[0-7]{3,4}$/.test(text(value))
        ? undefined
        : `"${text(value)}" is not a file mode; expected octal digits such as "0644"`;

/** Names would be looked up in the user database of whatever machine runs the plugin. */
export const numericOwner: Rule = (value) =>
    value === "" || /^\d+$/.test(text(value))
        ? undefined
        : `"${text(value)}": this stand-in takes numeric ids only, such as "1000"`;

export const gpus: Rule = (value) =>
    /^(all|device=[^,]+(,[^,]+)*)$/.test(text(value))
        ? undefined
        : `"${text(value)}" is not supported; expected "all" or "device=ID[,ID...]"`;

export const envEntry: Rule = (value) =>
    Array.isArray(value) && value.some((v) => typeof v === "string" && !v.includes("="))
        ? `"${text(value.find((v) => typeof v === "string" && !v.includes("=")))}" must have the form KEY=VALUE`
        : undefined;

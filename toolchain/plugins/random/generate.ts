/** Random characters and bytes: crypto-strong, unbiased, with minimum counts for each class. */

import { randomBytes, randomInt } from "node:crypto";

export const CLASSES = {
    lower: "abcdefghijklmnopqrstuvwxyz",
    upper: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    numeric: "0123456789",
    special: "!@#$%&*()-_=+[]{}<>:?",
} as const;

export interface StringSpec {
    readonly length: number;
    readonly lower: boolean;
    readonly upper: boolean;
    readonly numeric: boolean;
    readonly special: boolean;
    readonly minLower: number;
    readonly minUpper: number;
    readonly minNumeric: number;
    readonly minSpecial: number;
    /** Replaces the special characters. */
    readonly overrideSpecial?: string;
}

/** `length` characters of the allowed classes, at least `min...` of each, in random order. */
export function randomText(spec: StringSpec): string {
    const special = spec.overrideSpecial || CLASSES.special;
    const allowed =
        (spec.lower ? CLASSES.lower : "") +
        (spec.upper ? CLASSES.upper : "") +
        (spec.numeric ? CLASSES.numeric : "") +
        (spec.special ? special : "");
    const required = [
        pick(CLASSES.lower, spec.minLower),
        pick(CLASSES.upper, spec.minUpper),
        pick(CLASSES.numeric, spec.minNumeric),
        pick(special, spec.minSpecial),
    ].flat();
    const characters = [...required, ...pick(allowed, spec.length - required.length)];
    return shuffled(characters).join("");
}

/** `count` characters, each equally likely (randomInt draws again where a remainder would favour some). */
function pick(from: string, count: number): string[] {
    const characters = [...from];
    return Array.from(
        { length: Math.max(0, count) },
        () => characters[randomInt(characters.length)] ?? "",
    );
}

/** Fisher and Yates: the required characters must not give themselves away by standing in front. */
function shuffled(items: string[]): string[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
        const j = randomInt(i + 1);
        [result[i], result[j]] = [result[j] ?? "", result[i] ?? ""];
    }
    return result;
}

export function bytes(length: number): Buffer {
    return randomBytes(length);
}

/** The random resources as data: every input replaces, as in the real provider. */

import { text } from "../host/values";
import type { Json, Obj } from "../host/values";

export interface Input {
    readonly type: "number" | "boolean" | "string" | "map";
    readonly required?: boolean;
    readonly default?: Json;
    readonly min?: number;
}

export interface RandomRules {
    readonly inputs: Readonly<Record<string, Input>>;
    /** Outputs the SDK marks as secret; listed for the tests, the SDK does the marking. */
    readonly secret: readonly string[];
    /** Conditions over several inputs: what is wrong, as whole sentences. */
    readonly together?: (inputs: Obj) => string[];
}

const keepers: Input = { type: "map" };
const flag: Input = { type: "boolean", default: true };
const minimum: Input = { type: "number", default: 0, min: 0 };

const textInputs: RandomRules["inputs"] = {
    keepers,
    length: { type: "number", required: true, min: 1 },
    lower: flag,
    upper: flag,
    numeric: flag,
    // The old name of `numeric`; either sets both.
    number: flag,
    special: flag,
    minLower: minimum,
    minUpper: minimum,
    minNumeric: minimum,
    minSpecial: minimum,
    overrideSpecial: { type: "string" },
};

function textTogether(inputs: Obj): string[] {
    const failures: string[] = [];
    const minimums = ["minLower", "minUpper", "minNumeric", "minSpecial"];
    const total = minimums.reduce((sum, key) => sum + Number(inputs[key] ?? 0), 0);
    if (Number(inputs.length) < total) {
        failures.push(
            `length ${text(inputs.length)} is less than minLower + minUpper + minNumeric + minSpecial ` +
                `= ${total}; make the length at least ${total}`,
        );
    }
    if (["lower", "upper", "numeric", "special"].every((key) => inputs[key] === false)) {
        failures.push(
            "lower, upper, numeric and special are all false: allow at least one of them",
        );
    }
    return failures;
}

export const rules: Readonly<Record<string, RandomRules>> = {
    "random:index/randomPassword:RandomPassword": {
        inputs: textInputs,
        secret: ["bcryptHash", "result"],
        together: textTogether,
    },
    "random:index/randomString:RandomString": {
        inputs: textInputs,
        secret: [],
        together: textTogether,
    },
    "random:index/randomBytes:RandomBytes": {
        inputs: { keepers, length: { type: "number", required: true, min: 1 } },
        secret: ["base64", "hex"],
    },
    "random:index/randomId:RandomId": {
        inputs: {
            keepers,
            byteLength: { type: "number", required: true, min: 1 },
            prefix: { type: "string" },
        },
        secret: [],
    },
    "random:index/randomUuid:RandomUuid": { inputs: { keepers }, secret: [] },
};

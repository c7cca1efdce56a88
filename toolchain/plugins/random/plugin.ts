/** The random provider plugin: every resource is made once and then only remembered. */

import { randomUUID } from "node:crypto";
import { hash } from "bcryptjs";
import type { Created, Plugin, Resource } from "../host/plugin";
import { PluginError } from "../host/plugin";
import { UNKNOWN, asString } from "../host/values";
import type { Obj } from "../host/values";
import { check, diff } from "./check";
import { bytes, randomText } from "./generate";
import type { StringSpec } from "./generate";
import { rules } from "./rules";
import type { RandomRules } from "./rules";

/** The cost the real provider uses. */
const BCRYPT_COST = 10;
/** More bytes than bcrypt looks at; the real provider hashes as many as it takes. */
const BCRYPT_BYTES = 72;

interface Generator {
    /** What is not known before the create. */
    readonly outputs: readonly string[];
    generate(inputs: Obj): Promise<Created>;
}

/** The real provider never puts a secret into an id. */
const NO_ID = "none";

const generators: Readonly<Record<string, Generator>> = {
    "random:index/randomPassword:RandomPassword": {
        outputs: ["result", "bcryptHash"],
        async generate(inputs) {
            const result = randomText(textSpec(inputs));
            const bcryptHash = await hash(firstBytes(result, BCRYPT_BYTES), BCRYPT_COST);
            return { id: NO_ID, outputs: { result, bcryptHash } };
        },
    },
    "random:index/randomString:RandomString": {
        outputs: ["result"],
        generate(inputs) {
            const result = randomText(textSpec(inputs));
            return Promise.resolve({ id: result, outputs: { result } });
        },
    },
    "random:index/randomBytes:RandomBytes": {
        outputs: ["base64", "hex"],
        generate(inputs) {
            const value = bytes(Number(inputs.length));
            const outputs = { base64: value.toString("base64"), hex: value.toString("hex") };
            return Promise.resolve({ id: NO_ID, outputs });
        },
    },
    "random:index/randomId:RandomId": {
        outputs: ["b64Std", "b64Url", "dec", "hex"],
        generate(inputs) {
            const value = bytes(Number(inputs.byteLength));
            const prefix = asString(inputs.prefix) ?? "";
            const hex = value.toString("hex");
            const outputs = {
                b64Std: prefix + value.toString("base64"),
                b64Url: prefix + value.toString("base64url"),
                dec: prefix + BigInt(`0x${hex}`).toString(),
                hex: prefix + hex,
            };
            return Promise.resolve({ id: value.toString("base64url"), outputs });
        },
    },
    "random:index/randomUuid:RandomUuid": {
        outputs: ["result"],
        generate() {
            const result = randomUUID();
            return Promise.resolve({ id: result, outputs: { result } });
        },
    },
};

function textSpec(inputs: Obj): StringSpec {
    return inputs as unknown as StringSpec;
}

/** Whole characters of the text, as many as fit into that many bytes. */
function firstBytes(text: string, limit: number): string {
    let used = 0;
    let result = "";
    for (const character of text) {
        used += Buffer.byteLength(character);
        if (used > limit) {
            break;
        }
        result += character;
    }
    return result;
}

class RandomResource implements Resource {
    constructor(
        private readonly token: string,
        private readonly rules: RandomRules,
        private readonly generator: Generator,
    ) {}

    check(request: { news: Obj }) {
        return check(this.rules, request.news);
    }

    diff(request: { state: Obj; news: Obj }) {
        return diff(this.rules, request.state, request.news);
    }

    preview(inputs: Obj, state: Obj | undefined): Obj {
        const value = (key: string) => (state ? (state[key] ?? null) : UNKNOWN);
        const outputs = Object.fromEntries(this.generator.outputs.map((key) => [key, value(key)]));
        return { ...this.recorded(inputs), ...outputs };
    }

    async create(_context: unknown, inputs: Obj): Promise<Created> {
        const { id, outputs } = await this.generator.generate(inputs);
        return { id, outputs: { ...this.recorded(inputs), ...outputs, id } };
    }

    /** There is nothing outside the state to read; what was never in it cannot be imported. */
    read(_context: unknown, id: string, state: Obj, inputs: Obj) {
        if (Object.keys(state).length === 0) {
            throw new PluginError(
                `${this.token} ${id}: the stand-in for the random plugin cannot import; ` +
                    "install the real plugin to do so",
            );
        }
        return Promise.resolve({ id, outputs: state, inputs });
    }

    /** Every change of an input replaces, so only a value that stays can get here. */
    update(_context: unknown, request: { state: Obj; news: Obj }): Promise<Obj> {
        return Promise.resolve(this.preview(request.news, request.state));
    }

    delete(): Promise<void> {
        return Promise.resolve();
    }

    private recorded(inputs: Obj): Obj {
        const keys = Object.keys(this.rules.inputs);
        return Object.fromEntries(keys.map((key) => [key, inputs[key] ?? null]));
    }
}

export function randomPlugin(version: string): Plugin {
    const resources: Record<string, Resource> = {};
    for (const [token, generator] of Object.entries(generators)) {
        const table = rules[token];
        if (table) {
            resources[token] = new RandomResource(token, table, generator);
        }
    }
    return {
        name: "random",
        version,
        resources,
        checkConfig: (news) =>
            Object.keys(news)
                .filter((key) => key !== "version" && !key.startsWith("__"))
                .map((property) => ({ property, reason: "the random provider takes no inputs" })),
        configure: () => undefined,
    };
}

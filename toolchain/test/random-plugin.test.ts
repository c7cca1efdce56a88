import { compare } from "bcryptjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLASSES, bytes, randomText } from "../plugins/random/generate";
import type { StringSpec } from "../plugins/random/generate";
import { randomPlugin } from "../plugins/random/plugin";
import { rules } from "../plugins/random/rules";
import type { CallContext, Resource } from "../plugins/host/plugin";
import { UNKNOWN, text } from "../plugins/host/values";
import type { Obj } from "../plugins/host/values";

const PASSWORD = "random:index/randomPassword:RandomPassword";
const STRING = "random:index/randomString:RandomString";
const BYTES = "random:index/randomBytes:RandomBytes";
const ID = "random:index/randomId:RandomId";
const UUID = "random:index/randomUuid:RandomUuid";

const plugin = randomPlugin("4.21.2");
const context: CallContext = {
    urn: "",
    signal: new AbortController().signal,
    log: () => undefined,
};

function resource(token: string): Resource {
    const found = plugin.resources[token];
    if (!found) {
        throw new Error(`no resource ${token}`);
    }
    return found;
}

function check(token: string, news: Obj) {
    return resource(token).check({ urn: "", olds: {}, news, randomSeed: Buffer.alloc(0) });
}

async function create(token: string, news: Obj) {
    const { inputs, failures } = check(token, news);
    expect(failures).toEqual([]);
    return { inputs, ...(await resource(token).create(context, inputs)) };
}

function replaced(token: string, state: Obj, news: Obj): string[] {
    const { detailed } = resource(token).diff({ urn: "", id: "", state, oldInputs: {}, news });
    expect([...detailed.values()].every((entry) => entry.replace)).toBe(true);
    return [...detailed.keys()];
}

const open: StringSpec = {
    length: 16,
    lower: true,
    upper: true,
    numeric: true,
    special: true,
    minLower: 0,
    minUpper: 0,
    minNumeric: 0,
    minSpecial: 0,
};

const count = (text: string, of: string) => [...text].filter((c) => of.includes(c)).length;

describe("randomText", () => {
    it("has the length, only allowed characters and the minimum of each class", () => {
        const few = fc.integer({ min: 0, max: 4 });
        const spec = fc.record({
            extra: fc.integer({ min: 0, max: 20 }),
            minLower: few,
            minUpper: few,
            minNumeric: few,
            minSpecial: few,
            flags: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean(), fc.boolean()),
            overrideSpecial: fc.constantFrom(undefined, "_-", "é"),
        });
        fc.assert(
            fc.property(spec, ({ extra, flags, ...mins }) => {
                const [lower, upper, numeric, special] = flags.some(Boolean)
                    ? flags
                    : [true, true, true, true];
                const required = mins.minLower + mins.minUpper + mins.minNumeric + mins.minSpecial;
                const text = randomText({
                    lower,
                    upper,
                    numeric,
                    special,
                    length: required + extra,
                    ...mins,
                });
                const specials = mins.overrideSpecial ?? CLASSES.special;
                expect([...text]).toHaveLength(required + extra);
                const counts = {
                    minLower: count(text, CLASSES.lower),
                    minUpper: count(text, CLASSES.upper),
                    minNumeric: count(text, CLASSES.numeric),
                    minSpecial: count(text, specials),
                };
                for (const [key, found] of Object.entries(counts)) {
                    expect(found).toBeGreaterThanOrEqual(mins[key as keyof typeof counts]);
                }
                expect(Object.values(counts).reduce((a, b) => a + b)).toBe(required + extra);
                if (!lower) {
                    expect(counts.minLower).toBe(mins.minLower);
                }
                if (!special) {
                    expect(counts.minSpecial).toBe(mins.minSpecial);
                }
            }),
        );
    });

    it("draws every character about equally often", () => {
        const draws = 200_000;
        const text = randomText({ ...open, length: draws, special: false });
        const alphabet = CLASSES.lower + CLASSES.upper + CLASSES.numeric;
        const expected = draws / alphabet.length;
        for (const character of alphabet) {
            // 6 standard deviations: by chance about once in five hundred million characters.
            const deviation = Math.abs(count(text, character) - expected);
            expect(deviation).toBeLessThan(6 * Math.sqrt(expected));
        }
    });

    it("does not put the required characters first", () => {
        const firsts = Array.from({ length: 400 }, () =>
            randomText({ ...open, length: 20, minNumeric: 1, numeric: false }).search(/\d/),
        );
        expect(new Set(firsts).size).toBeGreaterThan(15);
    });
});

describe("create", () => {
    it("RandomPassword: a result, its bcrypt hash, every input in the state, no secret in the id", async () => {
        const { id, outputs } = await create(PASSWORD, { length: 20, minSpecial: 3 });
        expect(id).toBe("none");
        expect(outputs).toMatchObject({
            length: 20,
            minSpecial: 3,
            lower: true,
            overrideSpecial: null,
        });
        expect(outputs.result).toHaveLength(20);
        expect(await compare(text(outputs.result), text(outputs.bcryptHash))).toBe(true);
        expect(await compare("another", text(outputs.bcryptHash))).toBe(false);
    });

    it("RandomString: the result is the id", async () => {
        const { id, outputs } = await create(STRING, { length: 8, special: false });
        expect(outputs.result).toMatch(/^[A-Za-z0-9]{8}$/);
        expect(id).toBe(outputs.result);
    });

    it("RandomBytes: the same bytes in base64 and hex", async () => {
        const { id, outputs } = await create(BYTES, { length: 33 });
        expect(id).toBe("none");
        const value = Buffer.from(text(outputs.hex), "hex");
        expect(value).toHaveLength(33);
        expect(outputs.base64).toBe(value.toString("base64"));
    });

    it("RandomId: the same bytes four times, each behind the prefix", async () => {
        const { id, outputs } = await create(ID, { byteLength: 8, prefix: "x-" });
        const value = Buffer.from(id, "base64url");
        expect(value).toHaveLength(8);
        expect(outputs).toMatchObject({
            hex: `x-${value.toString("hex")}`,
            dec: `x-${value.readBigUInt64BE()}`,
            b64Std: `x-${value.toString("base64")}`,
            b64Url: `x-${id}`,
        });
    });

    it("RandomUuid: a version 4 UUID", async () => {
        const { outputs } = await create(UUID, {});
        expect(outputs.result).toMatch(
            /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        );
    });

    it("twice never gives the same", async () => {
        for (const [token, news] of [
            [PASSWORD, { length: 20 }],
            [BYTES, { length: 16 }],
        ] as const) {
            const [a, b] = [await create(token, news), await create(token, news)];
            expect(a.outputs.result ?? a.outputs.hex).not.toBe(b.outputs.result ?? b.outputs.hex);
        }
        expect(bytes(16)).not.toEqual(bytes(16));
    });
});

describe("what is kept", () => {
    it.each([
        [PASSWORD, { length: 20, keepers: { a: "1" } }],
        [STRING, { length: 8, special: false }],
        [BYTES, { length: 8 }],
        [ID, { byteLength: 4 }],
        [UUID, {}],
    ] as [string, Obj][])(
        "%s: the same inputs are no change, and Read gives the state back",
        async (token, news) => {
            const { id, inputs, outputs } = await create(token, news);
            expect(replaced(token, outputs, inputs)).toEqual([]);
            const read = await resource(token).read(context, id, outputs, inputs);
            expect(read).toEqual({ id, outputs, inputs });
        },
    );

    it.each([
        [PASSWORD, { length: 20, keepers: { a: "1" } }, { keepers: { a: "2" } }, ["keepers.a"]],
        [
            PASSWORD,
            { length: 20, keepers: { a: "1" } },
            { keepers: { a: "1", "b-c": "1" } },
            ['keepers["b-c"]'],
        ],
        [PASSWORD, { length: 20, keepers: { a: "1" } }, { keepers: null }, ["keepers"]],
        [PASSWORD, { length: 20 }, { length: 21 }, ["length"]],
        [PASSWORD, { length: 20 }, { overrideSpecial: "_" }, ["overrideSpecial"]],
        [PASSWORD, { length: 20 }, { keepers: UNKNOWN }, ["keepers"]],
        [STRING, { length: 20 }, { upper: false }, ["upper"]],
        [BYTES, { length: 20 }, { length: 21 }, ["length"]],
        [ID, { byteLength: 4 }, { prefix: "a" }, ["prefix"]],
        [UUID, {}, { keepers: { a: "1" } }, ["keepers"]],
    ] as [string, Obj, Obj, string[]][])(
        "%s %j with %j is replaced for %j",
        async (token, news, change, paths) => {
            const { inputs, outputs } = await create(token, news);
            expect(replaced(token, outputs, { ...inputs, ...change })).toEqual(paths);
        },
    );

    it("an import is refused", () => {
        expect(() => resource(BYTES).read(context, "none", {}, {})).toThrow("cannot import");
    });
});

describe("check", () => {
    it("number is the old name of numeric", () => {
        expect(check(STRING, { length: 4, number: false }).inputs).toMatchObject({
            numeric: false,
        });
        expect(check(STRING, { length: 4, numeric: false }).inputs).toMatchObject({
            number: false,
        });
    });

    it.each([
        [PASSWORD, {}, "length", '"length" is required, but was not given'],
        [PASSWORD, { length: 0 }, "length", '"length" must be at least 1, got 0'],
        [PASSWORD, { length: 2.5 }, "length", '"length" must be a whole number, got 2.5'],
        [PASSWORD, { length: "9" }, "length", '"length" must be a number, got "9"'],
        [
            PASSWORD,
            { length: 9, minLower: -1 },
            "minLower",
            '"minLower" must be at least 0, got -1',
        ],
        [PASSWORD, { length: 9, lengths: 1 }, "lengths", '"lengths" is not an input'],
        [PASSWORD, { length: 3, minLower: 2, minUpper: 2 }, "", "make the length at least 4"],
        [
            STRING,
            { length: 3, lower: false, upper: false, numeric: false, special: false },
            "",
            "all false",
        ],
        [BYTES, { length: 9, keepers: "a" }, "keepers", '"keepers" must be a map, got "a"'],
    ] as [string, Obj, string, string][])("%s refuses %j", (token, news, property, reason) => {
        const { failures } = check(token, news);
        expect(failures).toHaveLength(1);
        expect(failures[0]?.property).toBe(property);
        expect(failures[0]?.reason).toContain(reason);
    });

    it("says nothing about what is not known yet", () => {
        expect(
            check(PASSWORD, { length: UNKNOWN, minLower: 9, keepers: UNKNOWN }).failures,
        ).toEqual([]);
    });
});

describe("preview", () => {
    it("what will be generated is unknown, on a create", () => {
        const { inputs } = check(PASSWORD, { length: 20 });
        const outputs = resource(PASSWORD).preview(inputs, undefined);
        expect(outputs).toMatchObject({ length: 20, result: UNKNOWN, bcryptHash: UNKNOWN });
    });
});

it("the SDK's secret outputs exist in the state", async () => {
    for (const [token, { secret }] of Object.entries(rules)) {
        if (secret.length === 0) {
            continue;
        }
        const { outputs } = await create(token, { length: 4 });
        expect(Object.keys(outputs)).toEqual(expect.arrayContaining([...secret]));
    }
});

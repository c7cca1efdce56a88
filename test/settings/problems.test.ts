import { describe, expect, it } from "vitest";
import { z } from "zod";
import { must, problemsOf, unmet } from "../../settings/problems";
import { schema } from "../../settings/schema";
import { messageOf } from "../support/settings";

/** The parts of zod's schemas that lead from one to the next. */
interface Definition {
    readonly type: string;
    readonly error?: unknown;
    readonly checks?: readonly {
        readonly _zod: { readonly def: { check: string; error?: unknown } };
    }[];
    readonly innerType?: Node;
    readonly in?: Node;
    readonly out?: Node;
    readonly element?: Node;
    readonly valueType?: Node;
    readonly options?: readonly Node[];
    readonly shape?: Readonly<Record<string, Node>>;
}

interface Node {
    readonly _zod: { readonly def: Definition };
}

/** Schemas that raise no issue by themselves. */
const SILENT = ["optional", "nullable", "default", "prefault", "pipe", "transform", "unknown"];

/** Paths of values whose schema or check has no rule of the program's own. */
function withoutRule(node: Node, path: string): string[] {
    const def = node._zod.def;
    const checks = (def.checks ?? []).map((check) => check._zod.def);
    // A check of the program's own raises its issues by `unmet`.
    const bare = checks.filter(({ check, error }) => check !== "custom" && !error);
    // The branches of a union: what is wrong with the value as a whole is the union's to say.
    const branches = (def.options ?? []).flatMap((option) => below(option, path));
    return [
        ...(SILENT.includes(def.type) || def.error ? [] : [path]),
        ...bare.map(({ check }) => `${path} ${check}`),
        ...branches,
        ...below(node, path),
    ];
}

function below(node: Node, path: string): string[] {
    const { innerType, in: input, out, element, valueType, shape = {} } = node._zod.def;
    const same = [innerType, input, out].filter((each) => each !== undefined);
    return [
        ...same.flatMap((each) => withoutRule(each, path)),
        ...(element ? withoutRule(element, `${path}[]`) : []),
        ...(valueType ? withoutRule(valueType, `${path}.*`) : []),
        ...Object.entries(shape).flatMap(([key, each]) => withoutRule(each, `${path}.${key}`)),
    ];
}

describe("what the schema says of a wrong value", () => {
    it("is the program's own rule everywhere", () => {
        expect(below(schema, "")).toEqual([]);
        // A list of texts, which is one branch of a union.
        expect(messageOf({ gateway: { k3s: { "kubelet-arg": [{}] } } })).toEqual([
            'gateway.k3s.kubelet-arg[0]: got {}; must be a text; for example "v=2"',
        ]);
    });

    it("arrives letter by letter, through unions and keys, from zod's checks and from others", () => {
        const odd = ['be "a\u0000b"; for example {c}', "d; must e"] as const;
        const schemas = [
            z.object({ a: z.string(must(...odd)) }),
            z.object({ a: z.number().min(5, must(...odd)) }),
            z.object({ a: z.union([z.string(), z.null()], must(...odd)) }),
            z.object({ a: z.unknown().refine(() => false, must(...odd)) }),
            z.object({
                a: z.unknown().superRefine((_, context) => {
                    context.addIssue(unmet({ rule: odd[0], example: odd[1] }));
                }),
            }),
        ];
        for (const each of schemas) {
            const { error } = each.safeParse({ a: 1 });
            expect(problemsOf(error!.issues, { a: 1 })).toEqual([
                { key: "a", path: ["a"], got: 1, rule: odd[0], example: odd[1] },
            ]);
        }
        const keys = z.record(z.string().regex(/^b$/, must(...odd)), z.number());
        expect(problemsOf(keys.safeParse({ a: 1 }).error!.issues, { a: 1 })).toEqual([
            { key: "a", path: ["a"], got: "a", rule: odd[0], example: odd[1] },
        ]);
    });
});

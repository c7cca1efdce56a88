import { describe, expect, it } from "vitest";
import { readSteps, refusals, type Step } from "../../guard/rules";

const urn = (type: string, name: string) =>
    `urn:pulumi:dev::sandbox-gateway::sandbox-gateway:index:Gateway$${type}::${name}`;

const VOLUME = urn("docker:index/volume:Volume", "gateway-data");
const CONTAINER = urn("docker:index/container:Container", "gateway-k3s");

const step = (op: string, of: string, more: Partial<Step> = {}): Step => ({
    op,
    urn: of,
    causes: [],
    protected: false,
    ...more,
});

const DESTRUCTIVE = [
    "delete",
    "replace",
    "create-replacement",
    "delete-replaced",
    "discard",
    "discard-replaced",
    "remove-pending-replace",
    "import-replacement",
    "read-replacement",
    "read-discard",
];

describe("refusals", () => {
    it.each(DESTRUCTIVE)("refuses to %s what holds data, and lets a container go", (op) => {
        expect(refusals([step(op, VOLUME), step(op, CONTAINER)], [])).toHaveLength(1);
        expect(refusals([step(op, VOLUME)], [])[0]).toMatchObject({ op, name: "gateway-data" });
    });

    it.each([
        ["docker:index/volume:Volume", "v"],
        ["kubernetes:apps/v1:StatefulSet", "s"],
        ["kubernetes:core/v1:Namespace", "n"],
        ["kubernetes:core/v1:PersistentVolume", "p"],
        ["kubernetes:core/v1:PersistentVolumeClaim", "c"],
        ["pulumi:index:Stash", "gateway-identity-server-ca"],
        ["random:index/randomBytes:RandomBytes", "gateway-identity-token"],
    ])("%s holds data", (type, name) => {
        expect(refusals([step("delete", urn(type, name))], [])).toHaveLength(1);
    });

    it("lets the administrator's certificate be renewed", () => {
        const admin = urn("pulumi:index:Stash", "gateway-identity-admin");
        expect(refusals([step("replace", admin)], [])).toEqual([]);
    });

    it.each(["same", "create", "update", "refresh", "read", "import"])("lets %s through", (op) => {
        expect(refusals([step(op, VOLUME, { protected: true })], [])).toEqual([]);
    });

    it("refuses whatever is protected, of any type", () => {
        expect(refusals([step("delete", CONTAINER, { protected: true })], [])).toHaveLength(1);
    });

    it("allows exactly what is listed, by name or by URN", () => {
        const other = urn("docker:index/volume:Volume", "other");
        const steps = [step("delete", VOLUME), step("delete", other)];
        expect(refusals(steps, ["gateway-data"]).map(({ name }) => name)).toEqual(["other"]);
        expect(refusals(steps, [VOLUME]).map(({ name }) => name)).toEqual(["other"]);
        expect(refusals(steps, ["gateway"])).toHaveLength(2);
    });

    it("names the property, what to do, and each resource once", () => {
        const causes = { causes: ["name"] };
        const steps = [step("replace", VOLUME, causes), step("create-replacement", VOLUME, causes)];
        expect(refusals(steps, [])).toEqual([
            {
                op: "replace",
                type: "docker:index/volume:Volume",
                name: "gateway-data",
                urn: VOLUME,
                causes: ["name"],
                next: "put name back as it was; or, if it is meant to go with what it holds, --allow gateway-data",
            },
        ]);
    });

    it("lets nothing through that it does not know", () => {
        expect(() => refusals([step("vanish", CONTAINER)], [])).toThrow(
            `the preview has the operation "vanish" on ${CONTAINER}, which this guard does not know`,
        );
    });
});

describe("readSteps", () => {
    it("reads a preview", () => {
        const document = {
            steps: [
                {
                    op: "replace",
                    urn: VOLUME,
                    oldState: { protect: true },
                    newState: { inputs: { name: "x" } },
                    replaceReasons: ["name"],
                    diffReasons: ["name", "labels"],
                },
                { op: "update", urn: CONTAINER, diffReasons: ["memory"] },
            ],
            diagnostics: [{ severity: "warning", message: "w" }],
        };
        expect(readSteps(JSON.stringify(document))).toEqual([
            step("replace", VOLUME, {
                ...{ causes: ["name"], protected: true, before: { protect: true } },
                after: { inputs: { name: "x" } },
            }),
            step("update", CONTAINER, { causes: ["memory"] }),
        ]);
    });

    it("reads a saved plan", () => {
        const document = { resourcePlans: { [VOLUME]: { steps: ["delete-replaced", "replace"] } } };
        expect(readSteps(JSON.stringify(document))).toEqual([
            step("delete-replaced", VOLUME),
            step("replace", VOLUME),
        ]);
    });

    it.each([
        ["", "this is not whole JSON"],
        ['{"steps": [{"op": "sa', "this is not whole JSON"],
        ["[]", "this is neither"],
        ["null", "this is neither"],
        ['{"resources": []}', "this is neither"],
        ['{"steps": [{"op": "same"}]}', "a step has no operation or no URN"],
        ['{"steps": [7]}', "a step has no operation or no URN"],
        ['{"resourcePlans": {"u": {}}}', "the plan has no steps for u"],
        ['{"resourcePlans": {"u": {"steps": [1]}}}', "an operation that is no text"],
        [
            '{"steps": [], "diagnostics": [{"severity": "error", "message": "no"}]}',
            'the preview failed: "no"',
        ],
    ])("reads nothing out of %j", (text, message) => {
        expect(() => readSteps(text)).toThrow(message);
    });

    it("takes no URN for one that is none", () => {
        const steps = readSteps('{"steps": [{"op": "delete", "urn": "volume"}]}');
        expect(() => refusals(steps, [])).toThrow('"volume" is no URN');
    });
});

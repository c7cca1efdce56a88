/** Outputs of a stack, also of one whose `up` failed; `pulumi` is a stand-in. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { readOutputs } from "../../cli/stack/outputs";
import { StandIns } from "../support/standIns";

let standIns: StandIns;

beforeEach(() => {
    standIns = new StandIns();
});

afterEach(() => {
    standIns.remove();
});

const namespace = (name: string, more: object = {}) => ({
    ...{ type: "kubernetes:core/v1:Namespace", outputs: { metadata: { name } } },
    ...more,
});

/** @param resources of the state */
function read(outputs: object, resources?: readonly object[]) {
    const exported = { deployment: resources ? { resources } : null };
    standIns.add(
        "pulumi",
        `case "$*" in
"stack output --json") echo '${JSON.stringify(outputs)}' ;;
"stack export") echo '${JSON.stringify(exported)}' ;;
*) exit 64 ;;
esac`,
    );
    return readOutputs({ env: { ...process.env }, progress: standIns.progress });
}

it("name the namespace of a cluster that was there already", async () => {
    const outputs = { namespace: "agents", sandboxes: [] };
    expect(await read(outputs)).toEqual(outputs);
    expect(standIns.calls()).toHaveLength(1);
});

it("name none of a gateway, which needs none", async () => {
    const outputs = { container: "openshell-cluster-dev" };
    expect(await read(outputs)).toEqual(outputs);
    expect(standIns.calls()).toHaveLength(1);
});

it("take it from the state, where an up has failed or an earlier version has run", async () => {
    const state = [
        { type: "pulumi:pulumi:Stack" },
        namespace("old", { delete: true }),
        namespace("sandboxes"),
    ];
    expect(await read({ urls: {} }, state)).toEqual({ urls: {}, namespace: "sandboxes" });
});

it.each([[undefined], [[]], [[{ type: "pulumi:pulumi:Stack" }]]])(
    "name none where the state has none: %j",
    async (resources) => {
        expect(await read({}, resources)).toEqual({});
    },
);

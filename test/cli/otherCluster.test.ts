/** Whether a kubeconfig still leads to the cluster that has a stack's sandboxes. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { namespaceIn, refuseOtherCluster } from "../../cli/recovery/otherCluster";
import type { Export, Stored } from "../../cli/stack/stackExport";
import { parsePlace } from "../../settings/parse";
import type { PlaceSettings } from "../../settings/schema";
import { StepError } from "../../steps/errors";
import { FakeCluster } from "../support/fakeCluster";

const OWNER = "0123456789abcdef0123456789abcdef";
const ANNOTATION = "sandbox-gateway.dev/owner";
const NAME = "sandboxes-dev-01234567";

/** A resource of an existing cluster in a state. */
function stored(type: string, name: string, outputs: object, more: object = {}): Stored {
    const parents = "sandbox-gateway:index:ExistingCluster";
    const urn = `urn:pulumi:dev::sandbox-gateway::${parents}$${type}::${name}`;
    return { urn, type, outputs: outputs as Stored["outputs"] & object, ...more };
}

const STASH = stored("pulumi:index:Stash", "cluster-owner", { output: OWNER });
const namespace = (annotations: object = { [ANNOTATION]: OWNER }, more: object = {}) =>
    stored(
        "kubernetes:core/v1:Namespace",
        "cluster-namespace",
        { metadata: { name: NAME, annotations } },
        more,
    );
const stateOf = (...resources: Stored[]): Export => ({ deployment: { resources } });
const STATE = stateOf(STASH, namespace());

let folder: string;
let cluster: FakeCluster;
let place: PlaceSettings;

beforeEach(async () => {
    for (const name of ["HTTP_PROXY", "http_proxy", "STACK", "KUBECONFIG"]) {
        vi.stubEnv(name, undefined);
    }
    folder = mkdtempSync(path.join(os.tmpdir(), "other-cluster-"));
    cluster = await FakeCluster.start();
    cluster.writeKubeconfig(path.join(folder, "kubeconfig"), "prod");
    place = placeOf();
});

afterEach(async () => {
    vi.unstubAllEnvs();
    await cluster.close();
    rmSync(folder, { recursive: true });
});

/** Settings; the kubeconfig is named from the project's folder. */
function placeOf(existing: object = {}): PlaceSettings {
    const existingCluster = {
        ...{ kubeconfig: "./kubeconfig", context: "prod", storageClass: "s", host: "h" },
        ...existing,
    };
    return parsePlace({ existingCluster }).settings as PlaceSettings;
}

/** @returns what is refused, undefined for nothing */
const look = (state: Export = STATE, mustKnow = false) =>
    refuseOtherCluster({ root: folder, place }, state, mustKnow).then(
        () => undefined,
        (error: unknown) => {
            expect(error).toBeInstanceOf(StepError);
            return error as StepError;
        },
    );

const QUESTION = `GET /api/v1/namespaces/${NAME}`;

describe("the namespace of a stack", () => {
    it("is the one in a cluster that was there, by its name and its owner", () => {
        expect(namespaceIn(STATE)).toEqual({ name: NAME, owner: OWNER, wasAnnotated: true });
        expect(namespaceIn(stateOf(STASH, namespace({})))).toEqual({
            ...{ name: NAME, owner: OWNER },
            wasAnnotated: false,
        });
        expect(namespaceIn(stateOf(namespace()))).toEqual({ name: NAME, wasAnnotated: false });
    });

    it.each<[string, Export]>([
        ["before the first up", { deployment: {} }],
        ["while it is about to be deleted", stateOf(STASH, namespace({}, { delete: true }))],
        ["that has no outputs", stateOf({ ...namespace(), outputs: {} })],
        [
            "of a gateway, which nobody shares",
            stateOf({
                ...namespace(),
                urn: namespace().urn.replace("ExistingCluster", "Gateway"),
            }),
        ],
    ])("is none %s, and nothing is asked", async (_, state) => {
        expect(namespaceIn(state)).toBeUndefined();
        expect(await look(state, true)).toBeUndefined();
        expect(cluster.asked).toEqual([]);
    });

    it("is not asked for where the sandboxes are in a gateway now", async () => {
        place = parsePlace({}).settings as PlaceSettings;
        expect(await look(STATE, true)).toBeUndefined();
        expect(cluster.asked).toEqual([]);
    });
});

describe.each([
    ["a refresh", true],
    ["what asks for no refresh", false],
])("before %s, a cluster", (_, mustKnow) => {
    it.each<[string, object, object]>([
        ["with the stack's namespace", { [ANNOTATION]: OWNER }, namespace()],
        ["with one of an earlier version, which names no stack", {}, namespace({})],
        ["with one that was annotated since", { [ANNOTATION]: OWNER }, namespace({})],
    ])("%s is gone on with, for one question", async (__, annotations, of) => {
        cluster.namespaces.set(NAME, annotations as Record<string, string>);
        expect(await look(stateOf(STASH, of as Stored), mustKnow)).toBeUndefined();
        expect(cluster.asked).toEqual([QUESTION]);
    });

    it("without the namespace is refused, with both ways on", async () => {
        cluster.namespaces.set("default", {});
        const error = await look(STATE, mustKnow);
        expect(error?.message).toBe(
            [
                `cluster prod of ./kubeconfig (${cluster.url}) is not the one that has this stack's sandboxes: got no namespace ${NAME}; expected a namespace ${NAME} with the annotation ${ANNOTATION}=${OWNER}, where the state has them`,
                "  nothing was changed; a refresh would take all of it for gone, and it would be made anew, empty, in this cluster",
            ].join("\n"),
        );
        const kubectl = `kubectl --kubeconfig ${folder}/kubeconfig --context prod`;
        expect(error?.hint).toBe(
            `where existingCluster.kubeconfig or existingCluster.context leads to another cluster now, write the former one, or put the former file back, then run this again. Where somebody has removed the namespace, and all in it is to be made anew, empty: \`${kubectl} create namespace ${NAME} && ${kubectl} annotate namespace ${NAME} ${ANNOTATION}=${OWNER}\`, then \`make heal\`: docs/operations.md, \`The kubeconfig leads to another cluster\``,
        );
        expect(cluster.asked).toEqual([QUESTION]);
    });

    it("without the namespace of a state that has no owner is refused as well", async () => {
        const error = await look(stateOf(namespace()), mustKnow);
        expect(error?.message).toContain(`expected a namespace ${NAME}, where`);
        expect(error?.hint).toContain(`create namespace ${NAME}\`, then \`make heal\``);
    });

    it.each<[string, object, object]>([
        ["another stack's", { [ANNOTATION]: "f".repeat(32) }, namespace()],
        [
            "another stack's, of an earlier version's",
            { [ANNOTATION]: "f".repeat(32) },
            namespace({}),
        ],
    ])("with a namespace of that name, %s, is refused", async (__, annotations, of) => {
        cluster.namespaces.set(NAME, annotations as Record<string, string>);
        const error = await look(stateOf(STASH, of as Stored), mustKnow);
        expect(error?.message).toContain(
            `got a namespace ${NAME} of another stack, with ${ANNOTATION}=${"f".repeat(32)}; expected a namespace ${NAME} with the annotation ${ANNOTATION}=${OWNER},`,
        );
        expect(error?.hint).not.toMatch(/kubectl|heal/);
    });

    it("with a namespace of that name that no stack has made is refused", async () => {
        cluster.namespaces.set(NAME, { "some.one/else": "x" });
        const error = await look(STATE, mustKnow);
        expect(error?.message).toContain(`got a namespace ${NAME} without that annotation;`);
        expect(error?.hint).toContain(
            `\`kubectl --kubeconfig ${folder}/kubeconfig --context prod annotate namespace ${NAME} ${ANNOTATION}=${OWNER}\`, then run this again`,
        );
    });
});

describe("a cluster that cannot be asked", () => {
    it.each<[string, () => Promise<void> | void, string]>([
        ["does not answer", () => cluster.close(), "ECONNREFUSED"],
        ["refuses to tell", () => void (cluster.refuses = 403), 'User "u" cannot get resource'],
        ["has a proxy in front that fails", () => void (cluster.refuses = 503), "cannot get"],
        [
            "has no kubeconfig",
            () => rmSync(path.join(folder, "kubeconfig")),
            "ENOENT: no such file or directory",
        ],
        [
            "has a kubeconfig that is none",
            () => writeFileSync(path.join(folder, "kubeconfig"), "clusters: [\n"),
            "it is no YAML",
        ],
        [
            "is no context of the kubeconfig",
            () => void (place = placeOf({ context: "other" })),
            "its contexts are prod; there is no other",
        ],
    ])("because it %s proves nothing: a refresh is refused, the rest goes on", async (...row) => {
        const [, breaks, reason] = row;
        await breaks();
        expect(await look(STATE, false)).toBeUndefined();
        const error = await look(STATE, true);
        expect(error?.message).toContain(
            `cannot be asked whether it has the namespace ${NAME}, in which the state has this stack's sandboxes: `,
        );
        expect(error?.message).toContain(reason);
        expect(error?.message).toContain("nothing was changed");
        expect(error?.hint).toContain(`get namespace ${NAME}\``);
    });
});

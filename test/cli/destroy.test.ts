import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askPerson, destroy, type DestroyOptions } from "../../cli/destroy";
import type { Session } from "../../cli/session";
import type { Export } from "../../cli/stack/stackExport";
import { parsePlace } from "../../settings/parse";
import type { PlaceSettings } from "../../settings/schema";
import type { DockerHost } from "../../machine/docker/host";
import type { StepError } from "../../steps/errors";
import { StandIns } from "../support/standIns";

const docker: DockerHost = { host: "unix:///d.sock", namedBy: "x", usual: true, variables: {} };
const existingCluster = { kubeconfig: "/k", context: "prod", storageClass: "s", host: "h" };
const place = (raw: object) => parsePlace(raw).settings as PlaceSettings;

let standIns: StandIns;
let root: string;

beforeEach(() => {
    standIns = new StandIns();
    root = mkdtempSync(path.join(os.tmpdir(), "destroy-"));
    standIns.add("docker", 'echo "openshell-cluster-openshell"');
    holds(false);
});

afterEach(() => {
    standIns.remove();
    rmSync(root, { recursive: true, force: true });
});

/** What the stack holds. */
let state: Export;

/** A stack with something in it, protected or not. */
function holds(...protect: boolean[]): void {
    const one = { urn: "u", type: "t" };
    const volume = {
        ...{ urn: "v", type: "docker:index/volume:Volume", protect: protect.includes(true) },
        outputs: { name: "openshell-cluster-openshell" },
    };
    state = {
        deployment: {
            resources: [one, volume, ...protect.map((each) => ({ ...one, protect: each }))],
        },
    };
    standIns.add("pulumi", `[ $1 != destroy ] || exit ${protect.includes(true) ? 255 : 0}`);
}

type Given = DestroyOptions & Pick<Session, "stack" | "place" | "docker">;

function run(given: Partial<Given> = {}): Promise<number> {
    const { progress } = standIns;
    const session = { root, stack: "dev", place: place({}), docker, env: process.env, progress };
    const options = { state, confirm: undefined, ask: undefined };
    return destroy({ ...session, ...given }, { ...options, ...given });
}

const pulumi = () => standIns.calls().filter((call) => call.startsWith("pulumi "));
const refusal = (options: Partial<Given>) =>
    run(options).then(
        () => undefined,
        (error: StepError) => error,
    );

describe("a destroy of what nothing protects", () => {
    it.each<[string, Partial<Given>, string]>([
        ["without a name and a terminal", {}, "got none"],
        ["with another name", { confirm: "dev" }, 'got "dev"'],
        ["when another is typed", { ask: () => Promise.resolve("yes") }, 'got "yes"'],
        ["when nothing is typed", { ask: () => Promise.resolve("") }, 'got ""'],
    ])("deletes nothing %s", async (_, options, got) => {
        const error = await refusal(options);
        expect(error?.message).toContain(`${got}, expected "openshell"; nothing was deleted`);
        expect(error?.hint).toContain("make destroy CONFIRM=openshell STACK=dev");
        expect(pulumi()).toEqual([]);
    });

    it("tells commands that are of this stack and no other, as a shell takes them", async () => {
        const of = {
            ...{ stack: "second", docker: undefined },
            place: place({ existingCluster: { ...existingCluster, context: "my prod" } }),
        };
        expect((await refusal(of))?.hint).toBe(
            "to keep it: set protect back to true and run `make up STACK=second`; to delete it: make destroy 'CONFIRM=my prod' STACK=second",
        );
        holds(true);
        await run(of);
        expect(standIns.printed).toContain("\n  pulumi up --stack second --config protect=false ");
        expect(standIns.printed).toContain("\n  make destroy STACK=second\n");
    });

    it("goes on with the gateway's name, given or typed", async () => {
        expect(await run({ confirm: "openshell" })).toBe(0);
        const questions: string[] = [];
        const ask = (question: string) => {
            questions.push(question);
            return Promise.resolve("openshell\n");
        };
        expect(await run({ ask })).toBe(0);
        expect(questions).toEqual([
            "nothing protects the gateway openshell, and this deletes it; type openshell to go on: ",
        ]);
        expect(pulumi()).toEqual(["pulumi destroy --yes", "pulumi destroy --yes"]);
    });

    it("of another cluster asks for its context, and says nothing of Docker", async () => {
        const cluster = { place: place({ existingCluster }), docker: undefined };
        expect((await refusal(cluster))?.message).toContain("all sandboxes in prod");
        expect(await run({ ...cluster, confirm: "prod" })).toBe(0);
        expect(standIns.printed).not.toContain("kept");
    });

    it("names the volume that is kept, when there is one, and how it is deleted by name", async () => {
        await run({ confirm: "openshell" });
        expect(standIns.printed).toContain(
            "is kept, in Docker's volume openshell-cluster-openshell",
        );
        expect(standIns.printed).toContain("\n  docker volume rm openshell-cluster-openshell\n");
        const before = standIns.printed.length;
        standIns.add("docker", "echo other");
        await run({ confirm: "openshell" });
        expect(standIns.printed.slice(before)).not.toContain("kept");
    });

    it("says nothing of a volume that this stack has not had: it may be another user's", async () => {
        const resources = (state.deployment?.resources ?? []).filter(({ urn }) => urn !== "v");
        await run({ confirm: "openshell", state: { deployment: { resources } } });
        expect(standIns.printed).not.toContain("volume");
    });

    it("takes settings back that it was done with, so that the next gateway is protected", async () => {
        const config =
            "config:\n  sandbox-gateway:protect: false\n  sandbox-gateway:running: 'false'\n";
        writeFileSync(path.join(root, "Pulumi.dev.yaml"), config);
        await run({ confirm: "openshell" });
        expect(pulumi().slice(1)).toEqual(["pulumi config rm protect", "pulumi config rm running"]);
        expect(standIns.printed).toContain(
            "protect=false and running=false taken out of Pulumi.dev.yaml",
        );
    });
});

describe("a person", () => {
    it.each<[string, (input: PassThrough) => unknown, string]>([
        ["answers", (input) => input.write("openshell\n"), "openshell"],
        ["closes the terminal", (input) => input.end(), ""],
    ])("%s", async (_, act, answer) => {
        const [input, output] = [new PassThrough(), new PassThrough()];
        const asked = askPerson("name? ", input, output);
        act(input);
        expect(await asked).toBe(answer);
        expect((output.read() as Buffer).toString()).toBe("name? ");
    });
});

describe("a destroy of something else", () => {
    it("is left to the engine, which refuses what is protected", async () => {
        holds(true, false);
        writeFileSync(
            path.join(root, "Pulumi.dev.yaml"),
            "config: {sandbox-gateway:protect: false}\n",
        );
        expect(await run()).toBe(255);
        expect(pulumi()).toEqual(["pulumi destroy --yes"]);
        expect(standIns.printed).toContain("Nothing was deleted if a resource is protected");
        expect(standIns.printed).not.toContain("kept");
    });

    it("asks nothing of an empty stack", async () => {
        expect(await run({ state: { deployment: {} } })).toBe(0);
    });
});

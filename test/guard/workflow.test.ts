/**
 * The workflow for pull requests: its own steps, run in a temporary git repository whose pull request
 * changes the guard. Only what GitHub brings, and what is fetched, is stood in for.
 */
import { spawnSync } from "node:child_process";
import {
    chmodSync,
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    rmSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "../../machine/root";

const FILE = path.join(ROOT, ".github", "workflows", "preview.yml");

interface WorkflowStep {
    readonly name?: string;
    readonly if?: string;
    readonly uses?: string;
    readonly run?: string;
    readonly with?: Readonly<Record<string, unknown>>;
    readonly env?: Readonly<Record<string, string>>;
    readonly "working-directory"?: string;
}

interface Job {
    readonly if?: string;
    readonly "runs-on": string;
    readonly environment?: string;
    readonly permissions?: object;
    readonly steps: readonly WorkflowStep[];
}

const workflow = parse(readFileSync(FILE, "utf8")) as {
    readonly permissions: object;
    readonly jobs: { readonly preview: Job; readonly judge: Job };
};

let folder: string;
let base: string;
let head: string;
/** What `preview.json` is to hold. */
let steps: object[];
let expressions: Record<string, string>;

const at = (...names: string[]) => path.join(folder, ...names);
const git = (...args: string[]) => {
    const all = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "-C",
        at("origin"),
        ...args,
    ];
    const { status, stdout, stderr } = spawnSync("git", all, { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.anything()]);
    return stdout.trim();
};

const program = (name: string, ...lines: string[]) => {
    writeFileSync(at("bin", name), ["#!/bin/sh", ...lines, ""].join("\n"));
    chmodSync(at("bin", name), 0o755);
};

beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "workflow-"));
    for (const name of ["bin", "origin"]) {
        mkdirSync(at(name));
    }
    for (const name of ["guard", "model", "policy", "package.json", "tsconfig.json"]) {
        cpSync(path.join(ROOT, name), at("origin", name), { recursive: true });
    }
    git("init", "--quiet", "--initial-branch=main");
    git("add", "--all");
    git("commit", "--quiet", "--message=base");
    base = git("rev-parse", "HEAD");
    const rules = at("origin", "guard", "rules.ts");
    const guard = readFileSync(rules, "utf8");
    const harmless = guard.replace('new Set(["same", ', 'new Set(["same", "delete", ');
    expect(harmless).not.toBe(guard);
    writeFileSync(rules, harmless);
    writeFileSync(at("origin", "policy", "index.ts"), "// No rule.\n");
    writeFileSync(at("origin", ".npmrc"), "ignore-scripts=false\n");
    git("add", "--all");
    git("commit", "--quiet", "--message=The guard lets deletions through");
    head = git("rev-parse", "HEAD");

    program("npm", `ln -s ${ROOT}/node_modules "$4/node_modules"`, `echo "$@" >>${at("npm")}`);
    program(
        "pulumi",
        `echo "$@" >>${at("pulumi")}`,
        `cp ../base/policy/index.ts ${at("judging-policy")}`,
        `cat ${at("steps.json")}; exit $(cat ${at("status")})`,
    );
    program("gh", `echo "$@" >>${at("gh")}; cat guard.txt >>${at("gh")}`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const urn = (type: string, name: string) => `urn:pulumi:dev::p::${type}::${name}`;
const REST = { op: "same", urn: urn("a:b:C", "rest"), oldState: {}, newState: {} };
const LOSS = {
    op: "delete",
    urn: urn("docker:index/volume:Volume", "gateway-data"),
    oldState: { inputs: {} },
};

beforeEach(() => {
    for (const name of ["npm", "pulumi", "gh", "judging-policy", "artifact"]) {
        rmSync(at(name), { force: true });
    }
    steps = [REST, LOSS];
    writeFileSync(at("status"), "0");
    expressions = {
        "github.event.pull_request.base.sha": base,
        "github.event.pull_request.head.sha": head,
        "github.event.pull_request.number": "7",
        "github.repository": "o/r",
        "github.token": "gh-token",
        "inputs.stack": "dev",
        "inputs.allow": "",
        "inputs.allow-open": "",
        "secrets.PULUMI_BACKEND_URL": "file:///b",
        "secrets.PULUMI_CONFIG_PASSPHRASE": "pass",
    };
});

const filled = (text: string) =>
    text.replace(/\$\{\{ (.*?) \}\}/g, (_, expression: string) => {
        const value = expressions[expression];
        expect([expression, value]).toEqual([expression, expect.any(String)]);
        return value ?? "";
    });

/** Runs a job's steps as GitHub does, in a folder of its own. @returns whether all have passed, and what they said */
function runJob(job: Job, name: string): { passed: boolean; said: string } {
    const work = at(name);
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    let passed = true;
    let said = "";
    for (const step of job.steps) {
        if (!passed && step.if === undefined) {
            continue;
        }
        if (step.if !== undefined) {
            expect(step.if).toBe("always() && hashFiles('guard.txt') != ''");
            if (!existsSync(path.join(work, "guard.txt"))) {
                continue;
            }
        }
        if (step.uses !== undefined) {
            use(step, work);
            continue;
        }
        const env = Object.entries(step.env ?? {}).map(([key, value]) => [key, filled(value)]);
        const { status, stdout, stderr } = spawnSync(
            "bash",
            ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run ?? ""],
            {
                cwd: path.join(work, step["working-directory"] ?? ""),
                env: {
                    PATH: `${at("bin")}:${process.env["PATH"]}`,
                    HOME: folder,
                    ...(Object.fromEntries(env) as Record<string, string>),
                },
                encoding: "utf8",
            },
        );
        said += stdout + stderr;
        passed &&= status === 0;
    }
    return { passed, said };
}

/** GitHub's own actions, as far as they are used. */
function use({ uses = "", with: given = {} }: WorkflowStep, work: string): void {
    const [action] = uses.split("@");
    if (action === "actions/checkout") {
        expect(given["persist-credentials"]).toBe(false);
        const place = path.join(work, String(given["path"]));
        git("worktree", "prune");
        git("worktree", "add", "--quiet", "--detach", place, filled(String(given["ref"])));
    } else if (action === "actions/upload-artifact") {
        cpSync(path.join(work, String(given["path"])), at("artifact"));
    } else if (action === "actions/download-artifact") {
        cpSync(at("artifact"), path.join(work, "preview.json"));
    } else {
        expect(uses).toBe("actions/setup-node@v5");
    }
}

function runBoth() {
    writeFileSync(at("steps.json"), JSON.stringify({ steps }));
    const preview = runJob(workflow.jobs.preview, "preview");
    expressions["needs.preview.result"] = preview.passed ? "success" : "failure";
    return { preview, judge: runJob(workflow.jobs.judge, "judge") };
}

describe("a pull request that edits the guard and the policy pack", () => {
    it("is judged by the base branch's: a loss is refused, and said in a comment", () => {
        const { preview, judge } = runBoth();
        expect(preview).toMatchObject({ passed: true });
        expect(judge.passed).toBe(false);
        expect(judge.said).toContain("guard: refused, 1 of 2 steps would destroy what holds data");
        expect(readFileSync(at("gh"), "utf8")).toMatch(
            /^pr comment 7 --body-file guard\.txt\nguard: refused/,
        );
        const policy = readFileSync(path.join(ROOT, "policy", "index.ts"), "utf8");
        expect(readFileSync(at("judging-policy"), "utf8")).toBe(policy);
        expect(readFileSync(at("pulumi"), "utf8")).toBe(
            "preview --stack dev --policy-pack ../base/policy --json --show-sames\n",
        );
    });

    it("would pass by its own guard: the trial can fail", () => {
        writeFileSync(at("steps.json"), JSON.stringify({ steps }));
        expressions["github.event.pull_request.base.sha"] = head;
        expect(runBoth().judge.passed).toBe(true);
    });

    it("passes when nothing goes, and when what goes is allowed outside of the change", () => {
        steps = [REST];
        expect(runBoth().judge).toMatchObject({ passed: true });
        steps = [REST, LOSS];
        expressions["inputs.allow"] = "other gateway-data";
        expect(runBoth().judge).toMatchObject({ passed: true });
    });

    it("is refused for what it opens, unless that is allowed", () => {
        const service = (type: string) => ({ inputs: { spec: { type } } });
        steps = [
            {
                op: "update",
                urn: urn("kubernetes:core/v1:Service", "a-service"),
                oldState: service("ClusterIP"),
                newState: service("LoadBalancer"),
            },
        ];
        expect(runBoth().judge.said).toContain("a-service: it is of the type LoadBalancer");
        expressions["inputs.allow-open"] = "a-service";
        expect(runBoth().judge).toMatchObject({ passed: true });
    });
});

describe("without a preview", () => {
    it("nothing passes: one that failed is shown again, readable", () => {
        steps = [REST];
        writeFileSync(at("status"), "1");
        const { preview, judge } = runBoth();
        expect(preview.passed).toBe(false);
        expect(readFileSync(at("pulumi"), "utf8").split("\n")).toEqual([
            "preview --stack dev --policy-pack ../base/policy --json --show-sames",
            "preview --stack dev --policy-pack ../base/policy",
            "",
        ]);
        expect(judge).toEqual({
            passed: false,
            said: "the preview is failure: nothing is let through\n",
        });
    });

    it("nothing passes: a fork's is skipped, and a check that is skipped would count as passed", () => {
        expressions["needs.preview.result"] = "skipped";
        expect(workflow.jobs.judge.if).toBe("always()");
        expect(runJob(workflow.jobs.judge, "judge").passed).toBe(false);
    });
});

describe("secrets", () => {
    const { preview, judge } = workflow.jobs;

    it("are given after somebody has looked, to no fork, and to what runs the change alone", () => {
        expect(preview.if).toBe(
            "github.event.pull_request.head.repo.full_name == github.repository",
        );
        expect(preview.environment).toBe("${{ inputs.environment }}");
        const holders = preview.steps.filter((step) => JSON.stringify(step).includes("secrets."));
        expect(holders.map(({ name }) => name)).toEqual(["preview"]);
        expect(JSON.stringify(judge)).not.toContain("secrets.");
    });

    it("are not where the change is judged, and that is no machine of one's own", () => {
        expect(judge["runs-on"]).toBe("ubuntu-latest");
        expect(JSON.stringify(judge)).not.toContain("head.sha");
        expect(workflow.permissions).toEqual({ contents: "read" });
        expect(preview.permissions).toBeUndefined();
    });

    it("and names are in no script, where a change could write one of its own", () => {
        for (const { run = "" } of [...preview.steps, ...judge.steps]) {
            expect(run).not.toContain("${{");
        }
    });
});

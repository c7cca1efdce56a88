/** What the real plugin answered around creates that failed, and what the stand-in does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Daemon } from "../plugins/docker/daemon";
import { Container } from "../plugins/docker/resources/container";
import { InitFailure, type CallContext } from "../plugins/host/plugin";
import type { Obj } from "../plugins/host/values";
import { essential } from "./record/fixture";

interface Call {
    readonly name: string;
    readonly args: [string, ...unknown[]];
    readonly result: {
        id: string;
        outputs: Obj;
        diffs: string[];
        detailed: Obj;
        replaces: string[];
    };
}

const calls = JSON.parse(
    readFileSync(
        join(__dirname, "../../test/fixtures/docker-plugin-failed-create/calls.json"),
        "utf8",
    ),
) as Call[];

const recorded = (name: string) => calls.find((call) => call.name === name) as Call;

const context: CallContext = {
    signal: new AbortController().signal,
    log: () => undefined,
} as unknown as CallContext;

/** A daemon in which everything works but the start, for the reason that the record has. */
function daemonThatStartsNothing(id: string) {
    const asked: string[] = [];
    const container = { putArchive: () => Promise.resolve() };
    const docker = {
        createContainer: () => Promise.resolve({ id }),
        getImage: () => ({ inspect: () => Promise.resolve({}) }),
        getNetwork: () => ({
            connect: () => Promise.resolve(),
            disconnect: () => Promise.resolve(),
        }),
        getContainer: () => container,
    };
    const daemon = {
        call: (what: string, step: (client: object) => Promise<unknown>) => {
            asked.push(what);
            return what === "Unable to start container"
                ? Promise.reject(
                      new Error("Unable to start container: Error response from daemon:"),
                  )
                : step(docker);
        },
    };
    return { asked, daemon: daemon as unknown as Daemon };
}

describe.each(["port taken", "never healthy"])("a create that fails (%s)", (scenario) => {
    const create = recorded(`${scenario}: create`);
    const inputs = create.args[1] as Obj;

    it("leaves a state in which nothing is known but what was asked for", async () => {
        const { daemon } = daemonThatStartsNothing(create.result.id);
        const made = new Container(daemon, "5.1.0").create(context, inputs);
        const failure = await made.then(
            () => undefined,
            (error: unknown) => error,
        );
        expect(failure).toBeInstanceOf(InitFailure);
        const { outputs } = failure as InitFailure & { outputs: Obj };
        expect(essential(outputs)).toEqual(essential(create.result.outputs));
    });

    it.each(["diff", "diff after update"])("is followed by a %s that replaces nothing", (name) => {
        const { args, result } = recorded(`${scenario}: ${name}`);
        const [, id, state] = args as unknown as [string, string, Obj];
        const { daemon } = daemonThatStartsNothing(id);
        const { detailed } = new Container(daemon, "5.1.0").diff({
            urn: "",
            id,
            state,
            oldInputs: inputs,
            news: inputs,
        });
        expect([...detailed].map(([path, { kind }]) => [path, kind])).toEqual(
            Object.entries(result.detailed),
        );
        expect([...detailed.values()].some(({ replace }) => replace)).toBe(false);
    });

    it("is followed by an update that neither starts nor waits nor reads", async () => {
        const { args, result } = recorded(`${scenario}: update`);
        const [, id, state] = args as unknown as [string, string, Obj];
        const { daemon, asked } = daemonThatStartsNothing(id);
        const updated = await new Container(daemon, "5.1.0").update(context, {
            urn: "",
            id,
            state,
            oldInputs: inputs,
            news: inputs,
        });
        expect(asked).toEqual([]);
        expect(essential(updated)).toEqual(essential(result.outputs));
    });
});

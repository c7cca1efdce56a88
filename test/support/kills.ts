/** Targets of make that are killed, and what goes on from what they have left. */
import { afterAll, beforeAll, expect } from "vitest";
import type { Running, Seen, Victim } from "./running";
import { AGENT, IMAGES } from "./sandboxes";
import { TestStack } from "./stack";

const LOCK = "a lock of stack test was left behind and is taken away";

/** What a killed run has left, which the next one has to say that it has cleared. */
export interface Left {
    readonly lock: boolean;
    /** In Docker, and not in the state. */
    readonly container: boolean;
}

export const NOTHING: Left = { lock: false, container: false };

/** When a run is killed, and who. */
export type Kill = readonly [name: string, moment: (seen: Seen) => boolean, victim: Victim];

/** Docker has done something with what bears the gateway's name. */
export const docker = (action: string) => (seen: Seen) => seen.docker.includes(action);

/** The engine has begun something, and not ended. */
export const pending = (operation: string) => (seen: Seen) => seen.pending.includes(operation);

/** A gateway with one small agent, for a file of tests; made before the first of them, removed after the last. */
export class Kills {
    /** Those that were killed. */
    private readonly runs: Running[] = [];
    private made: TestStack | undefined;

    /** @param name the stack's */
    constructor(name: string) {
        beforeAll(async () => {
            this.made = await TestStack.create(name);
            this.configure();
        });
        afterAll(async () => {
            this.runs.forEach((each) => each.remove());
            await this.made?.remove();
        });
    }

    get stack(): TestStack {
        return this.made as TestStack;
    }

    configure(gateway: object = {}, more: object = {}): void {
        const sandboxes = { agent: AGENT };
        this.stack.configure({
            gateway: { imageArchives: IMAGES, ...gateway },
            sandboxes,
            ...more,
        });
    }

    expectCleared(output: string, left: Left): void {
        expect({
            lock: output.includes(LOCK),
            container: output.includes(`has left container ${this.stack.container}`),
        }).toEqual(left);
    }

    /** A target that is killed; what is seen of its end, for a busy machine may have gone on a little. */
    async killed(
        target: string,
        moment: (seen: Seen) => boolean,
        victim: Victim = "everything",
    ): Promise<Left & { readonly output: string }> {
        const running = this.stack.begin(target, { CONFIRM: this.stack.gateway });
        this.runs.push(running);
        expect(await running.kill(moment, victim)).not.toBe(0);
        const container = (await this.stack.inDocker()).includes("container");
        return {
            lock: running.locked,
            container: container && !running.knowsContainer,
            output: running.output,
        };
    }

    /** A target that goes on from what one before has left, and is killed in its turn. */
    async killedAgain(target: string, left: Left, [, moment, victim]: Kill): Promise<Left> {
        const { output, lock, container } = await this.killed(target, moment, victim);
        this.expectCleared(output, left);
        // One that ends by itself gives its lock back.
        expect(lock).toBe(victim === "everything" || victim === "the engine");
        return { lock, container };
    }

    /** The gateway is stopped, if it runs: by what `make stop` does, without its preview. */
    async stops(): Promise<void> {
        if ((await this.stack.inDocker()).includes("container")) {
            await this.stack.up("--config", "running=false");
        }
    }

    /** `make up`, or another target, which has to succeed. */
    async goesOn({ lock, container }: Left, target = "up"): Promise<void> {
        const env = { CONFIRM: this.stack.gateway };
        const { status, stdout, stderr } = await this.stack.make(target, env);
        expect(stdout + stderr).not.toMatch(/error:|interrupted while creating/);
        expect(status).toBe(0);
        this.expectCleared(stdout, { lock, container });
    }
}

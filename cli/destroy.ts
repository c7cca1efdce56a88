/** `make destroy`: asks before what nothing protects is deleted, and says what is kept. */
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { dockerHas } from "../machine/docker/cli";
import { StepError } from "../steps/errors";
import { isOff, stackFileName, type Switch } from "./stack/stackFile";
import { partsOf } from "./recovery/missing";
import type { Export } from "./stack/stackExport";
import { dockerCommand } from "./status/target";
import { asCommand } from "../steps/text";
import type { Session } from "./session";

/** What a destroy needs to know besides its stack. */
export interface DestroyOptions {
    /** The state as it is now. */
    readonly state: Export;
    /** The name, as given beforehand. @default it is asked for */
    readonly confirm: string | undefined;
    /** Asks a person. @default there is none to ask */
    readonly ask: ((question: string) => Promise<string>) | undefined;
}

/** The stack that is destroyed. */
type Destroyed = Omit<Session, "folder">;

/** Settings that a removal is done with: they must not wait for the next gateway of the stack. */
const DONE_WITH: readonly Switch[] = ["protect", "running"];

/** Of this stack: without its name, the same commands are another's. */
const hint = (stack: string) => `
Nothing was deleted if a resource is protected. Protected are the data volume, the identity, and the
claims, secrets and objects of every sandbox: without them nothing can run what the sandboxes have stored.
To lift it:
  ${asCommand(["pulumi", "up", "--stack", stack, "--config", "protect=false"])}     (works while stopped as well)
  ${asCommand(["make", "destroy", `STACK=${stack}`])}`;

/** Asks on a terminal. @returns the answer; the empty text when the terminal is closed, or interrupted */
export async function askPerson(
    question: string,
    input: NodeJS.ReadableStream = process.stdin,
    output: NodeJS.WritableStream = process.stderr,
): Promise<string> {
    const terminal = createInterface({ input, output });
    try {
        // The question itself stays open for ever then, and the process would end as if all was well.
        const closed = once(terminal, "close").then(() => "");
        return await Promise.race([terminal.question(question), closed]);
    } finally {
        terminal.close();
    }
}

/**
 * Runs `pulumi destroy`.
 *
 * @returns its exit status
 * @throws StepError, and nothing is deleted, when nothing is protected and the name was not given
 */
export async function destroy(session: Destroyed, options: DestroyOptions): Promise<number> {
    const { env, progress } = session;
    const { state } = options;
    const resources = state.deployment?.resources ?? [];
    // With anything protected the engine refuses by itself, and says what it is.
    if (resources.length > 0 && !resources.some(({ protect }) => protect)) {
        await checkConfirmed(session, options);
    }
    progress.print("  $ pulumi destroy --yes");
    const status = await progress.attach("pulumi", ["destroy", "--yes"], env);
    if (status !== 0) {
        progress.print(hint(session.stack));
        return status;
    }
    await putBack(session);
    await sayWhatIsKept(session, state);
    return 0;
}

async function checkConfirmed(
    { stack, place: { gateway, existingCluster } }: Destroyed,
    { confirm, ask }: DestroyOptions,
): Promise<void> {
    const name = existingCluster?.context ?? gateway.name;
    const what = existingCluster ? `all sandboxes in ${name}` : `the gateway ${name}`;
    const given =
        confirm ??
        (await ask?.(`nothing protects ${what}, and this deletes it; type ${name} to go on: `));
    if (given?.trim() !== name) {
        throw new StepError(
            `nothing protects ${what}, so its name is asked for: got ${given === undefined ? "none" : JSON.stringify(given)}, expected ${JSON.stringify(name)}; nothing was deleted`,
            `to keep it: set protect back to true and run \`${asCommand(["make", "up", `STACK=${stack}`])}\`; to delete it: ${asCommand(["make", "destroy", `CONFIRM=${name}`, `STACK=${stack}`])}`,
        );
    }
}

async function putBack(session: Destroyed): Promise<void> {
    const { root, env, progress } = session;
    const off = DONE_WITH.filter((key) => isOff(session, key));
    for (const key of off) {
        await progress.run("pulumi", ["config", "rm", key], { cwd: root, env });
    }
    if (off.length > 0) {
        progress.print(
            `  ${off.map((key) => `${key}=false`).join(" and ")} taken out of ${stackFileName(session)}: it was for what is gone now`,
        );
    }
}

/** Of this stack's own volume alone: one of the same name may be another user's, whom this one met on the way. */
async function sayWhatIsKept(session: Destroyed, state: Export): Promise<void> {
    const { docker, progress } = session;
    const { gateway, existingCluster } = session.place;
    const own = partsOf(state).find(({ kind }) => kind === "volume");
    if (existingCluster || !docker || !own || !(await dockerHas("volume", own.name))) {
        return;
    }
    const volume = own.name;
    const remove = asCommand([...dockerCommand(gateway.dockerHost), "volume", "rm", volume]);
    progress.print("");
    progress.print(`What the sandboxes have stored is kept, in Docker's volume ${volume}:`);
    progress.print(
        "docs/operations.md, `After a destroy`, says how it is read. To delete it for good:",
    );
    progress.print(`  ${remove}`);
}

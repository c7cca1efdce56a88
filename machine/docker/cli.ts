/** What the `docker` command answers: the one client that reaches a daemon by every way there is. */
import { LABEL_PORTS } from "../../model/constants";
import { portsOfLabel, type PortBlock } from "../../model/ports";
import { ask } from "../../steps/ask";
import { reasonOf, type CommandError } from "../../steps/command";
import { StepError } from "../../steps/errors";

/** What a docker command prints. @throws CommandError, see `ask` */
export function docker(...args: string[]): Promise<string> {
    return ask(["docker", ...args]);
}

/** What a docker command prints that may take longer than an answer. @throws CommandError, see `ask` */
export function dockerWithin(seconds: number, ...args: string[]): Promise<string> {
    return ask(["docker", ...args], seconds);
}

/** Things that Docker lists by name, with how. */
const LISTS = {
    container: ["ps", "--all", "--format", "{{.Names}}"],
    network: ["network", "ls", "--format", "{{.Name}}"],
    volume: ["volume", "ls", "--format", "{{.Name}}"],
    /** By id, as `sha256:...`. */
    image: ["image", "ls", "--all", "--no-trunc", "--quiet"],
} as const;

/**
 * Whether the daemon has something, by a list: one that is empty and one that was not given are not
 * confused, as words of an error might be.
 *
 * @throws StepError when Docker does not answer
 */
export async function dockerHas(kind: keyof typeof LISTS, name: string): Promise<boolean> {
    // Docker's own filters match parts of names.
    return (await answer(LISTS[kind])).split(/[\n,]/).includes(name);
}

/** Labels of an image. @returns undefined when the daemon does not have it */
export async function imageLabels(
    reference: string,
): Promise<Readonly<Record<string, string>> | undefined> {
    // A list would not show a reference of a tag with a digest.
    const inspect = ["image", "inspect", "--format", "{{json .Config.Labels}}", reference];
    try {
        const labels = JSON.parse(await docker(...inspect)) as Record<string, string> | null;
        return labels ?? {};
    } catch (error) {
        if (/no such image/i.test((error as CommandError).stderr ?? "")) {
            return undefined;
        }
        throw noAnswer(inspect, error);
    }
}

/** Ports of this machine that a container holds: none, when it does not run or is not there. */
export async function portsHeldBy(container: string): Promise<Set<number>> {
    if (!(await dockerHas("container", container))) {
        return new Set();
    }
    const format = "{{json .NetworkSettings.Ports}}";
    const text = await answer(["inspect", "--type", "container", "--format", format, container]);
    const ports = JSON.parse(text) as Record<string, { HostPort: string }[] | null> | null;
    const bindings = Object.values(ports ?? {}).flatMap((binding) => binding ?? []);
    return new Set(bindings.map(({ HostPort }) => Number(HostPort)));
}

/**
 * Ports of this machine that some container of the daemon has, whether or not it runs: those that it
 * publishes when it does, and those that a gateway which is stopped will publish again.
 *
 * @throws StepError when Docker does not answer
 */
export async function claimedPorts(): Promise<PortBlock[]> {
    const list = `{{.ID}} {{.Label "${LABEL_PORTS}"}}`;
    const lines = (await answer(["ps", "--all", "--no-trunc", "--format", list])).split("\n");
    const found = lines.map((line) => line.split(" ")).filter(([id]) => id);
    const labelled = found.flatMap(([, label = ""]) => portsOfLabel(label));
    const ids = found.map(([id = ""]) => id);
    return ids.length === 0 ? labelled : [...labelled, ...(await publishedBy(ids))];
}

async function publishedBy(ids: readonly string[]): Promise<PortBlock[]> {
    const inspect = ["inspect", "--format", "{{json .HostConfig.PortBindings}}", ...ids];
    let text: string;
    try {
        text = await docker(...inspect);
    } catch (error) {
        const { stdout = "", stderr = "" } = error as CommandError;
        // One that has gone since it was listed has no ports any more; the others are there.
        if (!/no such object/i.test(stderr)) {
            throw noAnswer(inspect, error);
        }
        text = stdout;
    }
    const bindings = text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, { HostPort: string }[] | null> | null);
    return (
        bindings
            .flatMap((ofOne) => Object.values(ofOne ?? {}))
            .flatMap((binding) => binding ?? [])
            // One that is left to Docker is another one each time; several are written as a range.
            .filter(({ HostPort }) => /^[1-9]/.test(HostPort))
            .map(({ HostPort }) => {
                const [first, last = first] = HostPort.split("-").map(Number) as [number, number?];
                return { first, last };
            })
    );
}

async function answer(args: readonly string[]): Promise<string> {
    try {
        return await docker(...args);
    } catch (error) {
        throw noAnswer(args, error);
    }
}

function noAnswer(args: readonly string[], error: unknown): StepError {
    return new StepError(`cannot ask Docker: \`docker ${args.join(" ")}\`: ${reasonOf(error)}`);
}

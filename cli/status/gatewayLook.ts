/** A look at a gateway's container in Docker: whether it can be asked, and what it says of itself. */
import { GATEWAY_RUN_DIR, LABEL_OWNER } from "../../model/constants";
import { ask } from "../../steps/ask";
import { reasonOf } from "../../steps/command";
import { diskWarnings } from "./disk";
import { asCommand, plainLines } from "../../steps/text";

/** Three states: what cannot be told is not taken for stopped. */
export interface Condition {
    readonly state: "running" | "stopped" | "unknown";
    /** Since when a gateway's container runs: what Kubernetes says of the time before is not true any more. */
    readonly since?: string;
    /** Why it is unknown. */
    readonly detail?: string;
    /** What to do about it. */
    readonly next?: string;
    /** `enforced`, or what is wrong; of a gateway whose entrypoint says. */
    readonly policies?: string;
    /** Day until which k3s's own certificates are good; the gateway renews them before. */
    readonly certificates?: string;
    /** What the gateway lacks, or will soon. */
    readonly warnings?: readonly string[];
}

/** What the entrypoint has written down; empty where it has not, or not yet. */
export interface OwnWords {
    readonly health: string;
    readonly warnings: string;
    readonly certificates: string;
}

/**
 * Days without a restart after which a gateway of an earlier version says so, which does not look after
 * k3s's certificates: they hold 365, and are renewed at a start.
 */
const OLD_DAYS = 300;

/**
 * Looks.
 *
 * @param docker command line
 * @param owner the gateway, as labels in Docker name it @default not known
 */
export async function lookAtContainer(
    docker: readonly string[],
    container: string,
    owner: string | undefined,
): Promise<Condition> {
    // Docker takes a pattern for the name, and gives back whatever matches.
    const filter = [
        "--filter",
        `name=${container}`,
        "--format",
        `{{.Names}}\t{{.State}}\t${LABEL}`,
    ];
    try {
        const listed = await ask([...docker, "ps", "--all", ...filter]);
        const { state, of } = containerIn(listed, container);
        if (isOther(of, owner)) {
            return otherGateway("container", container);
        }
        if (state === "restarting" || state === "paused") {
            const remedy = state === "paused" ? ["unpause"] : ["logs", "--tail", "20"];
            return {
                state: "unknown",
                detail: `the gateway's container is ${state}`,
                next: asCommand([...docker, ...remedy, container]),
            };
        }
        if (state === "") {
            return await lookAtVolume(docker, container, owner);
        }
        if (state !== "running") {
            return { state: "stopped" };
        }
        const started = ["inspect", "--format", "{{.State.StartedAt}}", container];
        const since = (await ask([...docker, ...started])).trim();
        const inside = (...command: string[]) => ask([...docker, "exec", container, ...command]);
        const read = (file: string) => inside("cat", `${GATEWAY_RUN_DIR}/${file}`).catch(() => "");
        const [health, warnings, certificates, disk] = await Promise.all([
            read("health"),
            read("warnings"),
            read("certificates"),
            diskWarnings((script) => inside("sh", "-c", script)),
        ]);
        const said = ownWords({ health, warnings, certificates }, since, container);
        const all = [...(said.warnings ?? []), ...disk];
        return { state, since, ...said, ...(all.length === 0 ? {} : { warnings: all }) };
    } catch (error) {
        return { state: "unknown", detail: reasonOf(error) };
    }
}

/** A gateway without a container is stopped where its data volume is: another daemon knows nothing of it. */
async function lookAtVolume(
    docker: readonly string[],
    name: string,
    owner: string | undefined,
): Promise<Condition> {
    const format = ["--format", `{{.Name}}\t${LABEL}`];
    const lines = (await ask([...docker, "volume", "ls", ...format])).split("\n");
    const [found, of = ""] =
        lines.map((line) => line.split("\t")).find(([each]) => each === name) ?? [];
    if (isOther(of, owner)) {
        return otherGateway("volume", name);
    }
    return found !== undefined
        ? { state: "stopped" }
        : {
              state: "unknown",
              detail: `Docker has neither the gateway's container nor its data volume ${name}: the gateway is on another daemon, was never up, or the volume was removed`,
              next: "docker context ls",
          };
}

/** Whose something in Docker is. */
const LABEL = `{{.Label "${LABEL_OWNER}"}}`;

/** One without a label is of an earlier version. */
const isOther = (of: string, owner: string | undefined) =>
    owner !== undefined && of !== "" && of !== owner;

function otherGateway(kind: string, name: string): Condition {
    return {
        state: "unknown",
        detail: `Docker's ${kind} ${name} is another gateway's: this one is on another daemon`,
        next: "docker context ls",
    };
}

/** The container of exactly this name: its state, empty when there is none, and whose it is. */
function containerIn(listed: string, container: string): { state: string; of: string } {
    const lines = listed.split("\n").map((line) => line.split("\t").map((part) => part.trim()));
    const found = lines.find(([names = ""]) => names.split(",").includes(container));
    return { state: found?.[1] ?? "", of: found?.[2] ?? "" };
}

/** What a gateway says of itself, and what its age does. @param since when its container was started */
export function ownWords(
    { health, warnings, certificates }: OwnWords,
    since: string,
    container: string,
    now = Date.now(),
): Pick<Condition, "policies" | "certificates" | "warnings"> {
    const days = Math.floor((now - Date.parse(since)) / 86_400_000);
    const [until] = plainLines(certificates);
    const aged =
        until === undefined && days > OLD_DAYS
            ? [
                  `it has run for ${days} days: k3s's certificates end after 365, and are renewed by a restart: docker restart ${container}`,
              ]
            : [];
    const said = [...new Set(plainLines(warnings)), ...aged];
    const [found] = plainLines(health);
    return {
        ...(found === undefined ? {} : { policies: found === "ok" ? "enforced" : found }),
        ...(until === undefined ? {} : { certificates: until }),
        ...(said.length === 0 ? {} : { warnings: said }),
    };
}

/**
 * What Docker has under a gateway's names and no state knows: a run that was killed had made it, and
 * not written it down yet.
 *
 * Left there, a container or a network fails each later run on its name, and a container goes on
 * running in a gateway that is stopped. Whose it is says its label: what is ours and holds no data is
 * taken away, to be made again; anything else is refused and never touched. Volumes are not looked at.
 */
import { LABEL_OWNER } from "../../model/constants";
import type { Ask } from "./dockerDaemon";

/** What is made again at any time. */
export type Kind = "container" | "network";

/** Something in Docker. */
export interface Found {
    readonly name: string;
    /** What its label says. @default nothing: the empty text */
    readonly owner: string;
}

/** A resource that is about to be made. */
export interface Wanted {
    readonly kind: Kind;
    readonly name: string;
    /** Subnet of a network, in CIDR notation. @default not known, or the network has none */
    readonly subnet?: string;
    /** Whose it will be. @default not known yet: the identity is about to be made, too */
    readonly owner?: string;
}

const LABEL = `{{.Label "${LABEL_OWNER}"}}`;

const LISTS: Readonly<Record<Kind, readonly string[]>> = {
    container: ["ps", "--all", "--no-trunc", "--format", `{{.Names}}\t${LABEL}`],
    network: ["network", "ls", "--format", `{{.Name}}\t${LABEL}`],
};

/** By type of resource. */
export const KINDS: Readonly<Record<string, Kind>> = {
    "docker:index/container:Container": "container",
    "docker:index/network:Network": "network",
};

/** Everything of a kind, or what the filters of the command leave. */
export async function list(ask: Ask, kind: Kind, ...filters: string[]): Promise<Found[]> {
    const lines = (await ask(...LISTS[kind], ...filters)).split("\n");
    return lines
        .filter((line) => line !== "")
        .map((line) => {
            const [names = "", owner = ""] = line.split("\t");
            // Links of other containers stand behind a container's own name.
            return { name: names.split(",").find((each) => !each.includes("/")) ?? "", owner };
        });
}

/**
 * Takes something away that is ours. A container gets its grace; a network is left when anything of
 * somebody else's is in it.
 *
 * @throws Error naming what is in the way
 */
export async function takeAway(ask: Ask, kind: Kind, { name, owner }: Found): Promise<void> {
    if (kind === "network") {
        const inside = await list(ask, "container", "--filter", `network=${name}`);
        const foreign = inside.filter((each) => each.owner !== owner).map((each) => each.name);
        if (foreign.length > 0) {
            throw new Error(
                `Docker's network ${name} was left by a run that was killed, and is used by ${foreign.join(", ")}, which is not this gateway's; nothing of it was touched\n  take it out: \`docker network disconnect ${name} ${foreign[0]}\`, then run this again`,
            );
        }
        for (const container of inside) {
            await takeAway(ask, "container", container);
        }
        await ask("network", "rm", name);
        return;
    }
    // What does not run, or is paused, is not stopped; the next command takes it all the same.
    await ask("stop", name).catch(() => undefined);
    // With the volumes that have no name: they are the container's own, and nobody finds them again.
    await ask("rm", "--force", "--volumes", name);
}

/**
 * Looks, before something is made, at what has its name already, and takes it away where it is ours.
 *
 * @param preview nothing is taken away, and what the engine may be about to delete is no hindrance
 * @returns what was taken away
 * @throws Error when it is somebody else's, or cannot be taken away; that Docker cannot be asked is
 * the docker plugin's to say
 */
export async function freeName(
    ask: Ask,
    wanted: Wanted,
    preview: boolean,
): Promise<Found | undefined> {
    const { kind, name, owner } = wanted;
    const all = await list(ask, kind).catch(() => []);
    const found = all.find((each) => each.name === name);
    if (!found) {
        return undefined;
    }
    // A container without a label may be this gateway's, of an earlier version and about to be replaced.
    const mayBeOurs = owner !== undefined && (found.owner === "" || found.owner === owner);
    if (preview && mayBeOurs) {
        await keepSubnet(ask, wanted);
        return undefined;
    }
    if (found.owner !== owner) {
        throw new Error(belongsTo(kind, found));
    }
    await takeAway(ask, kind, found);
    return found;
}

/**
 * Checks that a network that is about to be created again has the addresses it had: k3s keeps its node's, and
 * starts with no other.
 */
async function keepSubnet(ask: Ask, { kind, name, subnet }: Wanted): Promise<void> {
    if (kind !== "network" || subnet === undefined) {
        return;
    }
    const format = "{{range .IPAM.Config}}{{.Subnet}}{{end}}";
    const found = (
        await ask("network", "inspect", "--format", format, name).catch(() => "")
    ).trim();
    if (found !== "" && found !== subnet) {
        throw new Error(
            `gateway.subnet: got ${subnet}; must stay ${found}, with which this gateway was made: k3s remembers its address, and does not start with another; nothing was changed. A gateway on another subnet is another one: \`make up STACK=...\``,
        );
    }
}

function belongsTo(kind: Kind, { name, owner }: Found): string {
    const whose =
        owner === ""
            ? "which is not known to be this gateway's: it has no label that says whose it is"
            : `which belongs to another gateway, whose authority has the fingerprint ${owner}`;
    const aside =
        kind === "container"
            ? `\`docker stop ${name} && docker rename ${name} ${name}-before\``
            : `\`docker network rm ${name}\`, which is refused while anything uses it`;
    return [
        `Docker has a ${kind} ${name}, ${whose}; it was not touched`,
        `  see what it is (\`docker inspect ${name}\`); another gateway beside it needs a name of its own (gateway.name, before its first \`up\`; \`make up STACK=...\`)`,
        `  only if nothing needs it any more, put it out of the way and run this again: ${aside}`,
        "  docs/operations.md, `After a run was killed`",
    ].join("\n");
}

/** What a resource will be in Docker. @returns undefined for what is not cattle */
export function wantedOf(
    type: string,
    inputs: Readonly<Record<string, unknown>>,
): Wanted | undefined {
    const kind = KINDS[type];
    const { name } = inputs;
    if (!kind || typeof name !== "string") {
        return undefined;
    }
    const owner = ownerOf(inputs);
    const [ipam] = (inputs["ipamConfigs"] ?? []) as readonly { readonly subnet?: unknown }[];
    return {
        ...{ kind, name },
        ...(owner === undefined ? {} : { owner }),
        ...(typeof ipam?.subnet === "string" ? { subnet: ipam.subnet } : {}),
    };
}

/** What the label says that something in Docker has, or will have. @returns undefined without one */
export function ownerOf({ labels }: Readonly<Record<string, unknown>>): string | undefined {
    const pairs = Array.isArray(labels) ? (labels as { label?: unknown; value?: unknown }[]) : [];
    const value = pairs.find((pair) => pair?.label === LABEL_OWNER)?.value;
    return typeof value === "string" ? value : undefined;
}

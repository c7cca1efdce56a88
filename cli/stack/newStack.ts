/** The file of a new stack: a gateway beside the others of this machine, where nothing else is. */
import { existsSync, mkdirSync } from "node:fs";
import * as path from "node:path";
import { stringify } from "yaml";
import { GATEWAY_DEFAULTS } from "../../model/defaults";
import { dockerName } from "../../model/names";
import { formatBlock, type PortBlock } from "../../model/ports";
import { API_PORTS, BLOCKS, freeBlock, freeSubnet } from "../../machine/freePlaces";
import { SCHEMA_FILE } from "../../settings/jsonSchema";
import { parsePlace } from "../../settings/parse";
import { dockerIsHere, readHostNetworks, readPublicAddresses } from "../../machine/readNetworks";
import { claimedPorts, dockerHas, imageLabels } from "../../machine/docker/cli";
import { STAND_IN_LABEL } from "../../model/constants";
import { LOCAL_FOLDER } from "../../machine/environment";
import { findBusyPort } from "../../machine/busyPorts";
import { StepError } from "../../steps/errors";
import * as stackFile from "./stackFile";
import { writeOnce } from "../../steps/writeOnce";
import type { Checkout } from "../session";

/** What tells a gateway from the others of its machine. */
interface Place {
    readonly name: string;
    readonly subnet: string;
    readonly apiPort: number;
    readonly ports: PortBlock;
    /** Public addresses of the machine. */
    readonly hostAddresses: readonly string[];
    /** Whether images may have to be made on the machine, and imported from archives. */
    readonly needsArchives: boolean;
}

/** What is asked of a machine. */
export interface Machine {
    /** Networks in CIDR notation. */
    readonly networks: () => readonly string[];
    /** Public IPv4 addresses of its own. */
    readonly addresses: () => readonly string[];
    /** The first of some ports that something listens on. */
    readonly findBusy: (ports: readonly number[]) => Promise<number | undefined>;
    /** Ports that a container of Docker's has, whether or not it runs. */
    readonly claimed: () => Promise<readonly PortBlock[]>;
    /** Whether Docker has a volume. */
    readonly hasVolume: (name: string) => Promise<boolean>;
    /** Whether Docker has an image as a registry gives it, and not one that was made here. */
    readonly hasPublished: (image: string) => Promise<boolean>;
}

const BY_HAND =
    "docs/operations.md, `Several gateways on one machine`, says how to write it by hand";

/**
 * Whether a stack has no file yet and can be given one.
 *
 * @throws StepError when it has none and none can be chosen for it
 */
export function needsFile(checkout: Checkout): boolean {
    const { root, stack } = checkout;
    const file = stackFile.stackFileName(checkout);
    if (existsSync(path.join(root, file))) {
        return false;
    }
    const name = stackFile.ownName(stack);
    const [problem] = parsePlace({ gateway: { name } }).problems;
    if (problem) {
        throw new StepError(
            `stack ${JSON.stringify(stack)}: its gateway would have its name, which must ${problem.rule}; got ${JSON.stringify(name)}; for example ${problem.example}`,
            `choose another STACK, or give gateway.name in a ${file} of your own: ${BY_HAND}`,
        );
    }
    if (name.endsWith(".deploy")) {
        // No other stack would see what this one has.
        throw new StepError(
            `stack ${JSON.stringify(stack)}: Pulumi takes ${file} for deployment settings of another stack`,
            "choose another STACK",
        );
    }
    if (!dockerIsHere()) {
        throw new StepError(
            `${file} does not exist, and what is free at DOCKER_HOST=${process.env["DOCKER_HOST"]} cannot be seen from here`,
            BY_HAND,
        );
    }
    return true;
}

/** Writes the file of a new stack. @returns what was chosen, for people */
export async function writeStackFile(
    checkout: Checkout,
    machine: Machine = THIS_MACHINE,
): Promise<string> {
    const { root, stack } = checkout;
    const file = stackFile.stackFileName(checkout);
    const place = await choosePlace(stack, file, stackFile.configuredGateways(root), machine);
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    if (!writeOnce(path.join(root, file), render(stack, file, place))) {
        return `${file} is there now, made by another run`;
    }
    return `gateway ${place.name} on ${place.subnet}, its API on port ${place.apiPort}, sandboxes on ${formatBlock(place.ports)}; written to ${file}, which is the place to change it`;
}

/**
 * A place that nothing has: no network or route of the machine, no program that listens, no container
 * and no other stack, even one that is stopped, of this checkout or of another.
 *
 * @throws StepError when there is none, or the name is taken
 */
async function choosePlace(
    stack: string,
    file: string,
    others: readonly stackFile.ConfiguredGateway[],
    machine: Machine,
): Promise<Place> {
    const name = stackFile.ownName(stack);
    const namesake = others.find(({ gateway }) => gateway.name === name);
    if (namesake) {
        throw new StepError(
            `the gateway of ${namesake.file} is called ${name} already; a new stack's gateway gets the stack's name`,
            "choose another STACK",
        );
    }
    if (await machine.hasVolume(dockerName(name))) {
        throw new StepError(
            `Docker has a volume ${dockerName(name)}: a gateway ${name} is there already, but ${file}, which says where, is not in this checkout`,
            `put the file back (\`eval "$(make env STACK=${stack})"; pulumi config refresh\` takes it from the stack's state), or choose another STACK`,
        );
    }
    const gateways = others.map(({ gateway }) => gateway);
    const configured = gateways.flatMap(({ apiPort, ports }) => [
        { first: apiPort, last: apiPort },
        ports,
    ]);
    // Of this checkout's stacks, and of whoever else uses the same Docker.
    const claimed = [...configured, ...(await machine.claimed())];
    const subnet = freeSubnet([
        ...machine.networks(),
        ...gateways.map((other) => other.subnet.cidr),
    ]);
    const api = await freeBlock(claimed, machine.findBusy, API_PORTS);
    const ports = await freeBlock(claimed, machine.findBusy, BLOCKS);
    if (subnet === undefined || api === undefined || ports === undefined) {
        const missing = subnet === undefined ? "subnet" : api === undefined ? "apiPort" : "ports";
        throw new StepError(
            `gateway.${missing}: none of the values that are tried is free on this machine`,
            `${BY_HAND}, with values of your own`,
        );
    }
    // Without the k3s image, whether a registry is within reach is seen only after this file is written.
    const needsArchives = !(await machine.hasPublished(GATEWAY_DEFAULTS.image));
    const hostAddresses = machine.addresses();
    return { name, subnet, apiPort: api.first, ports, hostAddresses, needsArchives };
}

const HEAD = (stack: string, schema: string) => `# yaml-language-server: $schema=${schema}
# The stack \`${stack}\`: a gateway of its own on this machine, with an OpenClaw assistant in it.
# Name, subnet and ports were free when \`make up\` wrote this. Change them here, name and subnet only
# before the gateway is first up. Every key and its default: docs/configuration.md.
`;

/** The file; texts are quoted, so that a name like \`on\` stays a text to every reader of YAML. */
function render(stack: string, file: string, place: Place): string {
    const { name, subnet, apiPort, ports, hostAddresses, needsArchives } = place;
    const config = {
        "sandbox-gateway:gateway": {
            name,
            subnet,
            apiPort,
            ports: formatBlock(ports),
            ...(hostAddresses.length > 0 ? { hostAddresses: [...hostAddresses] } : {}),
            ...(needsArchives ? { imageArchives: `${LOCAL_FOLDER}/images` } : {}),
        },
        "sandbox-gateway:sandboxes": {
            assistant: { application: "openclaw", hostPort: ports.first, egress: ["internet"] },
        },
    };
    if (file.endsWith(".json")) {
        return `${JSON.stringify({ config }, undefined, 4)}\n`;
    }
    const quoted = { defaultStringType: "QUOTE_DOUBLE", defaultKeyType: "PLAIN" } as const;
    const schema = path.posix.join(path.relative(path.dirname(file), "."), SCHEMA_FILE);
    return (
        HEAD(stack, schema.startsWith("..") ? schema : `./${schema}`) +
        stringify({ config }, quoted)
    );
}

const THIS_MACHINE: Machine = {
    networks: () => readHostNetworks().map(({ cidr }) => cidr),
    addresses: readPublicAddresses,
    findBusy: (ports) => findBusyPort("127.0.0.1", ports),
    claimed: claimedPorts,
    hasVolume: (name) => dockerHas("volume", name),
    hasPublished: async (image) => {
        const labels = await imageLabels(image);
        return labels !== undefined && labels[STAND_IN_LABEL] === undefined;
    },
};

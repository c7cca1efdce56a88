/** `make recover`: a state that is lost is begun again with the identity in the gateway's data volume. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { parseDocument } from "yaml";
import { dockerName } from "../../model/names";
import { readRecord } from "../../settings/stackConfig";
import { requireDaemon } from "../../machine/docker/daemon";
import { dockerHas } from "../../machine/docker/cli";
import type { DockerHost } from "../../machine/docker/host";
import { ensurePassphrase, hasPassphrase } from "../../machine/environment";
import { StepError } from "../../steps/errors";
import type { Progress } from "../../steps/progress";
import { hideSalt } from "../stack/saltFilter";
import { isOff, readPlace, stackFileName } from "../stack/stackFile";
import { chooseEnvironment } from "../stack/pulumiEnvironment";
import { dockerOf } from "./missing";
import { prepareNodeImage, preparePulumi } from "../prepare";
import { isRecovered, markRecovered } from "./recovered";
import { hasIdentity, otherIdentity, withIdentity, type Export } from "./recoveredState";
import {
    adviceOf,
    checkState,
    hasSalt,
    ownerOf,
    selectStack,
    type Subject,
} from "../stack/stackState";
import { makeTarget } from "../makeTarget";
import { readVolume, type RecoveredIdentity } from "./volumeIdentity";
import type { Checkout, Session } from "../session";

/** Runs all steps. Nothing in Docker and Kubernetes is changed. @returns 0 */
export async function recover(checkout: Checkout, progress: Progress): Promise<number> {
    const { root, stack } = checkout;
    const file = stackFileName(checkout);
    if (!existsSync(path.join(root, file))) {
        throw new StepError(
            `${file}, which says where the gateway is, is not in this checkout`,
            "put it back first: gateway.name, gateway.subnet, gateway.apiPort, gateway.ports and the sandboxes as they were; `docker network inspect` and `docker ps` may still tell: docs/operations.md, `Several gateways on one machine`",
        );
    }
    const place = readPlace(checkout);
    const docker = await dockerOf(place);
    if (place.existingCluster || !docker) {
        throw new StepError(
            `stack ${stack} has no gateway, but existingCluster: there is no data volume to recover an identity from`,
            "put the state back from a backup",
        );
    }
    const { name, image } = place.gateway;
    const volume = dockerName(name);
    await requireDaemon(docker);
    if (!(await dockerHas("volume", volume))) {
        throw noVolume(volume, docker);
    }
    const owner = ownerOf(checkout, volume);
    if (owner) {
        throw new StepError(
            `the state of gateway ${name} is not lost: ${owner.file} has it`,
            adviceOf(checkout, volume),
        );
    }
    const tools = await preparePulumi(progress);
    await prepareNodeImage(image, progress);
    const { env, description, folder } = chooseEnvironment(root, tools, { stack, docker });
    const session: Session = { ...checkout, progress, env, folder, place, docker };
    checkState(session);
    const identity = await progress.step(
        "data volume",
        () => readIdentity(volume, image),
        () => `${volume}: authorities and token of the gateway`,
    );
    const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    await progress.step(
        "stack",
        () =>
            selectStack(session, () => {
                dropStaleSalt(session);
                if (passphrase === folder.passphrase) {
                    ensurePassphrase(passphrase);
                }
            }),
        () => `${stack}, ${description}`,
    );
    await hideSalt(session);
    await progress.step("identity", async () => {
        const exported = await exportWithSecrets(session);
        checkLacking(session, exported, identity, isRecovered(session));
        // Before it is there: an `up` that finds the identity has to know where it comes from.
        markRecovered(session, { newNodePassword: identity.nodePassword === undefined });
        await importState(session, withIdentity(exported, stack, identity));
    });
    progress.print(epilogue(stack, isOff(session, "running"), identity));
    return 0;
}

function noVolume(volume: string, { host, namedBy }: DockerHost): StepError {
    return new StepError(
        `Docker at ${host} (${namedBy}) has no volume ${volume}: there is nothing to recover from`,
        "look for it on your other daemons (`docker context ls`, `docker --context NAME volume ls`), or restore a backup into a volume of that name",
    );
}

/** The identity in a volume. @throws StepError when there is none */
export async function readIdentity(volume: string, image: string): Promise<RecoveredIdentity> {
    const content = await readVolume(volume, image);
    switch (content.kind) {
        case "gateway":
            return content.identity;
        case "empty":
            throw new StepError(
                `the volume ${volume} has no cluster in it: no gateway has run with it, or its content was removed`,
                `restore a backup into it; if nothing was in it, \`${makeTarget("up")}\` makes a new gateway`,
            );
        case "other":
            throw new StepError(
                `the volume ${volume} has no identity that could be recovered: ${content.why}`,
                "nothing in it was touched; restore a backup of this gateway's volume, or choose another gateway.name",
            );
    }
}

/**
 * The salt of a passphrase that is lost would refuse the new one; so would what is encrypted with it.
 *
 * @throws StepError naming what is encrypted
 */
export function dropStaleSalt(subject: Subject): void {
    const { root, env } = subject;
    const passphrase = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
    const lost =
        env["PULUMI_CONFIG_PASSPHRASE"] === undefined &&
        passphrase !== undefined &&
        !hasPassphrase(passphrase);
    if (!lost || !hasSalt(subject)) {
        return;
    }
    const file = path.join(root, stackFileName(subject));
    const encrypted = Object.entries(readRecord(file)["config"] ?? {})
        .filter(([, value]) => /"secure":/.test(JSON.stringify(value)))
        .map(([key]) => key);
    if (encrypted.length > 0) {
        throw new StepError(
            `${stackFileName(subject)} has secrets that were encrypted with the lost passphrase: ${encrypted.join(", ")}`,
            `put ${passphrase} back; without it, take those values out of the file, run this again, and set them anew (\`pulumi config set --secret --path\`) before \`${makeTarget("up")}\``,
        );
    }
    writeFileSync(`${file}.new`, withoutSalt(file));
    renameSync(`${file}.new`, file);
}

/** As a line it goes alone; otherwise the file is written anew. */
function withoutSalt(file: string): string {
    const text = readFileSync(file, "utf8");
    if (file.endsWith(".json")) {
        return `${JSON.stringify({ ...readRecord(file), encryptionsalt: undefined }, undefined, 4)}\n`;
    }
    const line = /^encryptionsalt:.*\n?/m;
    if (line.test(text)) {
        return text.replace(line, "");
    }
    const document = parseDocument(text);
    document.delete("encryptionsalt");
    return String(document);
}

/** @throws StepError when there is nothing to recover, or the state is another gateway's */
export function checkLacking(
    { stack, env }: Subject,
    exported: Export,
    identity: RecoveredIdentity,
    again: boolean,
): void {
    const where = `the state of stack ${stack} (${env["PULUMI_BACKEND_URL"] ?? "your backend"})`;
    const other = otherIdentity(exported, identity);
    if (other.length > 0) {
        throw new StepError(
            `${where} is another gateway's: ${other.join(", ")} differ from what the volume has; nothing was changed`,
            "choose another STACK for it, with a file of its own; or, if that state is not wanted, move it away first",
        );
    }
    // Killed halfway, it goes on.
    if (hasIdentity(exported) && !again) {
        throw new StepError(
            `${where} has the identity of the volume: there is nothing to recover; nothing was changed`,
            `\`${makeTarget("up")}\` and \`${makeTarget("heal")}\` work with it`,
        );
    }
}

/** The state, with its secrets in clear. */
async function exportWithSecrets({ env, progress }: Session): Promise<Export> {
    const args = ["stack", "export", "--show-secrets"];
    const text = await progress.run("pulumi", args, { env, quiet: true });
    return JSON.parse(text) as Export;
}

/**
 * The engine takes a state as a file. This one holds secrets in clear: it is gone right away, and lies
 * where a run that is killed leaves it to nobody who has not the passphrase as well.
 */
async function importState({ env, folder, progress }: Session, state: Export): Promise<void> {
    const file = path.join(folder.folder, "recovered-state.json");
    rmSync(file, { force: true });
    try {
        writeFileSync(file, JSON.stringify(state), { mode: 0o600 });
        await progress.run("pulumi", ["stack", "import", "--file", file], { env, quiet: true });
    } finally {
        rmSync(file, { force: true });
    }
}

function epilogue(stack: string, stopped: boolean, { nodePassword }: RecoveredIdentity): string {
    const target = stopped ? "start" : "up";
    return [
        "",
        "recovered: server authority, client authority, token. All that the sandboxes have stored is as it was.",
        `new, because the volume does not have them: the sandboxes' tokens (their URLs with a token change), the SSH handshake${nodePassword === undefined ? ", the node's password" : ""}.`,
        `next: make ${target} STACK=${stack}     takes over what is in Docker and Kubernetes; a container that runs is made again`,
    ].join("\n");
}

/** The calls behind the record, in their order. Each answer is given to `step` under its name. */

import type { Obj } from "../../plugins/host/values";
import { docker, dockerQuietly } from "./daemon";
import { observed } from "./fixture";
import type { Answer, Recorder } from "./recorder";

const VOLUME = "docker:index/volume:Volume";
const NETWORK = "docker:index/network:Network";
const IMAGE = "docker:index/remoteImage:RemoteImage";
const CONTAINER = "docker:index/container:Container";

export interface Records {
    readonly answers: Map<string, Answer>;
    /** What the container and the daemon showed meanwhile. */
    readonly seen: string[];
}

type Step = (name: string, answer: Promise<Answer>) => Promise<Answer>;

export async function runScenario(plugin: Recorder): Promise<Records> {
    const answers = new Map<string, Answer>();
    const seen: string[] = [];
    const step: Step = async (name, pending) => {
        const answer = await pending;
        answers.set(name, answer);
        return answer;
    };
    const volume = await volumes(plugin, step);
    const network = await networks(plugin, step);
    await images(plugin, step);
    const container = await containers(plugin, step, seen);
    await failures(plugin, step, seen, container.inputs);
    await drift(plugin, step, container, volume);
    await step("network delete", plugin.del(NETWORK, ...network));
    await step("network delete again", plugin.del(NETWORK, ...network));
    await step("network read removed", plugin.read(NETWORK, ...network));
    await step("volume delete", plugin.del(VOLUME, ...volume));
    await checks(plugin, step);
    return { answers, seen };
}

type Existing = [id: string, state: Obj, inputs: Obj];

function existing(answer: Answer, inputs: Obj): Existing {
    return [answer.id ?? "", answer.outputs ?? {}, inputs];
}

async function volumes(plugin: Recorder, step: Step): Promise<Existing> {
    const checked = await step("volume check", plugin.check(VOLUME, { name: "rec-data" }));
    const inputs = checked.inputs ?? {};
    await step("volume create preview", plugin.create(VOLUME, inputs, true));
    const created = await step("volume create", plugin.create(VOLUME, inputs));
    await step("volume create again (adopts)", plugin.create(VOLUME, inputs));
    const volume = existing(created, inputs);
    const changes: Obj = {
        name: "other",
        driver: "x",
        driverOpts: { a: "b" },
        labels: [{ label: "a", value: "b" }],
    };
    await eachChange("volume", VOLUME, plugin, step, volume, changes);
    await step("volume diff none", plugin.diff(VOLUME, ...volume, inputs));
    await step("volume read", plugin.read(VOLUME, ...volume));
    const missing = { ...volume[1], name: "nope", id: "nope" };
    await step(
        "volume read missing",
        plugin.read(VOLUME, "nope", missing, { ...inputs, name: "nope" }),
    );
    await step("volume check autoname", plugin.check(VOLUME, {}));
    await step("volume check unknown key", plugin.check(VOLUME, { name: "a", nonsense: 1 }));
    await step("volume check bad type", plugin.check(VOLUME, { name: { a: 1 } }));
    return volume;
}

/** A diff for each changed property alone. */
async function eachChange(
    what: string,
    token: string,
    plugin: Recorder,
    step: Step,
    [id, state, inputs]: Existing,
    changes: Obj,
): Promise<void> {
    for (const [key, value] of Object.entries(changes)) {
        const news = { ...inputs, [key]: value };
        await step(`${what} diff ${key}`, plugin.diff(token, id, state, inputs, news));
    }
}

async function networks(plugin: Recorder, step: Step): Promise<Existing> {
    const ipamConfigs = [{ subnet: "172.30.97.0/24", gateway: "172.30.97.1" }];
    const checked = await step(
        "network check",
        plugin.check(NETWORK, { name: "rec-net", ipamConfigs }),
    );
    const inputs = checked.inputs ?? {};
    const created = await step("network create", plugin.create(NETWORK, inputs));
    await step("network create again", plugin.create(NETWORK, inputs));
    const network = existing(created, inputs);
    const changes: Obj = {
        name: "other",
        driver: "x",
        attachable: true,
        internal: true,
        ipamConfigs: [{ subnet: "172.30.96.0/24", gateway: "172.30.96.1" }],
        labels: [{ label: "a", value: "b" }],
        options: { a: "b" },
        ipv6: true,
    };
    await eachChange("network", NETWORK, plugin, step, network, changes);
    await step("network diff none", plugin.diff(NETWORK, ...network, inputs));
    await step("network read", plugin.read(NETWORK, ...network));
    const overlap = { ...inputs, name: "rec-net2" };
    await step("network overlap create", plugin.create(NETWORK, overlap));
    const bad = { ...inputs, name: "rec-net3", ipamConfigs: [{ subnet: "not-a-cidr" }] };
    await step("network bad subnet", plugin.create(NETWORK, bad));
    return network;
}

async function images(plugin: Recorder, step: Step): Promise<void> {
    const news = { name: "sandbox-base:1", keepLocally: true };
    const inputs = (await step("image check", plugin.check(IMAGE, news))).inputs ?? {};
    const created = await step("image create local", plugin.create(IMAGE, inputs));
    const missing = { ...inputs, name: "does-not-exist.invalid/x:1" };
    await step("image create missing", plugin.create(IMAGE, missing));
    const image = existing(created, inputs);
    const changes: Obj = {
        name: "other:1",
        keepLocally: false,
        forceRemove: true,
        pullTriggers: ["a"],
        platform: "linux/amd64",
        triggers: { a: "b" },
    };
    await eachChange("image", IMAGE, plugin, step, image, changes);
    await step("image read", plugin.read(IMAGE, ...image));
    await step("image delete keepLocally", plugin.del(IMAGE, ...image));
}

const CONTAINER_INPUTS: Obj = {
    name: "rec-c",
    hostname: "openshell-rec",
    image: "sandbox-base:1",
    privileged: true,
    restart: "unless-stopped",
    networkMode: "bridge",
    cgroupnsMode: "host",
    command: ["sh", "-c", "trap 'exit 0' TERM; touch /ok; while :; do sleep 1; done"],
    networksAdvanced: [{ name: "rec-net", ipv4Address: "172.30.97.2" }],
    ports: [
        { internal: 6443, external: 26443, ip: "127.0.0.1", protocol: "tcp" },
        { internal: 30080, external: 28789, ip: "127.0.0.1", protocol: "tcp" },
    ],
    volumes: [{ volumeName: "rec-data", containerPath: "/data" }],
    tmpfs: { "/run": "" },
    hosts: [{ host: "host.docker.internal", ip: "host-gateway" }],
    envs: ["A=1", "B=2"],
    labels: [{ label: "l", value: "1" }],
    uploads: [
        { file: "/data/tls/ca.crt", content: "CA" },
        { file: "/etc/k/config.yaml", content: "x: 1\n", executable: false },
        { file: "/entry.sh", content: "#!/bin/sh\n", executable: true },
    ],
    healthcheck: {
        tests: ["CMD", "test", "-f", "/ok"],
        interval: "1s",
        timeout: "5s",
        startPeriod: "0s",
        retries: 10,
    },
    wait: true,
    waitTimeout: 30,
    destroyGraceSeconds: 5,
};

const LOOK =
    "ls -ln /data/tls/ca.crt /etc/k/config.yaml /entry.sh; cat /data/tls/ca.crt; hostname; cat /etc/hosts";

interface LiveContainer {
    readonly id: string;
    readonly state: Obj;
    readonly inputs: Obj;
}

async function containers(plugin: Recorder, step: Step, seen: string[]): Promise<LiveContainer> {
    const checked = await step("container check", plugin.check(CONTAINER, CONTAINER_INPUTS));
    const inputs = checked.inputs ?? {};
    await step("container create preview", plugin.create(CONTAINER, inputs, true));
    const created = await step("container create", plugin.create(CONTAINER, inputs));
    seen.push(...docker("exec", "rec-c", "sh", "-c", LOOK).split("\n"));
    const [id, state] = existing(created, inputs);
    await step("container diff none", plugin.diff(CONTAINER, id, state, inputs, inputs));
    const read = await step("container read running", plugin.read(CONTAINER, id, state, inputs));
    await step(
        "container diff after read",
        plugin.diff(CONTAINER, id, read.outputs ?? {}, read.inputs ?? {}, inputs),
    );
    const bigger = { ...inputs, memory: 512, memorySwap: 1024 };
    await step("container update memory", plugin.update(CONTAINER, id, state, inputs, bigger));
    return { id, state, inputs };
}

async function failures(plugin: Recorder, step: Step, seen: string[], inputs: Obj): Promise<void> {
    const attempt = async (what: string, change: Obj) => {
        await step(`container create ${what}`, plugin.create(CONTAINER, { ...inputs, ...change }));
    };
    const anywhere = { ports: [], networksAdvanced: [{ name: "rec-net" }] };
    await attempt("name conflict", {});
    const elsewhere = [{ name: "rec-net", ipv4Address: "172.30.97.9" }];
    await attempt("port conflict", { name: "rec-c2", networksAdvanced: elsewhere });
    dockerQuietly("rm", "-f", "rec-c2");
    await attempt("address conflict", { name: "rec-c3", ports: [] });
    dockerQuietly("rm", "-f", "rec-c3");
    await attempt("missing image", { ...anywhere, name: "rec-c4", image: "nope:1" });
    await attempt("missing network", {
        name: "rec-c5",
        ports: [],
        networksAdvanced: [{ name: "nope" }],
    });
    dockerQuietly("rm", "-f", "rec-c5");
    const status = (name: string) =>
        docker("ps", "-a", "--filter", `name=${name}`, "--format", "{{.Names}} {{.Status}}");
    const healthcheck = { ...(inputs.healthcheck as Obj), tests: ["CMD", "false"], retries: 2 };
    await attempt("never healthy", { ...anywhere, name: "rec-c6", healthcheck, waitTimeout: 6 });
    seen.push(`never-healthy left: ${status("rec-c6")}`);
    dockerQuietly("rm", "-f", "rec-c6");
    await attempt("exits at once", {
        ...anywhere,
        name: "rec-c7",
        command: ["false"],
        restart: "no",
    });
    seen.push(`exits left: ${status("rec-c7")}`);
    dockerQuietly("rm", "-f", "rec-c7");
}

/** What happens behind the plugin's back, and the removal. */
async function drift(
    plugin: Recorder,
    step: Step,
    { id, state, inputs }: LiveContainer,
    volume: Existing,
): Promise<void> {
    const read = (name: string) => step(name, plugin.read(CONTAINER, id, state, inputs));
    const diffAfter = (what: string, answer: Answer) =>
        step(
            `container diff after read ${what}`,
            plugin.diff(CONTAINER, id, answer.outputs ?? {}, answer.inputs ?? inputs, inputs),
        );
    await step("volume delete in use", plugin.del(VOLUME, ...volume));
    docker("stop", "-t", "1", "rec-c");
    await diffAfter("stopped", await read("container read stopped"));
    docker("start", "rec-c");
    docker("pause", "rec-c");
    await read("container read paused");
    docker("unpause", "rec-c");
    docker("network", "disconnect", "-f", "rec-net", "rec-c");
    await diffAfter("disconnected", await read("container read disconnected"));
    await step("container delete", plugin.del(CONTAINER, id, state, inputs));
    await step("container delete again", plugin.del(CONTAINER, id, state, inputs));
    await read("container read removed");
}

async function checks(plugin: Recorder, step: Step): Promise<void> {
    const check = (what: string, news: Obj) =>
        step(`container check ${what}`, plugin.check(CONTAINER, news));
    await check("autoname", { image: "a" });
    await check("no image", { name: "a" });
    await check("bad restart", { image: "a", restart: "sometimes" });
    await check("wait without healthcheck", { image: "a", wait: true });
}

/** Everything the scenario can leave in the daemon, whatever happened. */
export function removeLeftovers(): void {
    for (const each of ["", "2", "3", "4", "5", "6", "7"]) {
        dockerQuietly("rm", "-f", `rec-c${each}`);
    }
    for (const each of ["", "2", "3"]) {
        dockerQuietly("network", "rm", `rec-net${each}`);
    }
    dockerQuietly("volume", "rm", "-f", "rec-data");
}

/** A line of what was seen, without dates, times and addresses that the daemon's host decides. */
export function essentialSight(line: string): string {
    return line
        .replace(/\s+/g, " ")
        .replace(/[A-Z][a-z]{2} \d{1,2} \d{2}:\d{2}/, "DATE")
        .replace(/^[\d.]+ (host\.docker\.internal)$/, "GATEWAY $1")
        .replace(/Up \d+ seconds?/, "Up")
        .replace(/(Exited \(\d+\)) .* ago/, "$1")
        .trim();
}

export const expectedSights = observed.filter((line) => line !== "").map(essentialSight);

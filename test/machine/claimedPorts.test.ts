/** Ports that containers have, whether or not they run; `docker` is a stand-in. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { claimedPorts } from "../../machine/docker/cli";
import { StandIns } from "../support/standIns";

let standIns: StandIns;

beforeEach(() => {
    standIns = new StandIns();
});

afterEach(() => {
    standIns.remove();
});

const BINDINGS = {
    gateway: { "6443/tcp": [{ HostIp: "127.0.0.1", HostPort: "16443" }], "80/tcp": null },
    other: { "5432/tcp": [{ HostPort: "" }, { HostPort: "0" }], "1/udp": [{ HostPort: "30-32" }] },
};

/** @param inspect what `docker inspect` of `1 2` does after its lines */
function docker(containers: string, inspect = ""): void {
    const lines = Object.values(BINDINGS).map((each) => `echo '${JSON.stringify(each)}'`);
    standIns.add(
        "docker",
        `case "$*" in
"ps --all --no-trunc --format "*) printf '${containers}' ;;
"inspect --format "*" 1 2") ${lines.join("; ")}; echo null; ${inspect} ;;
*) echo "not expected: $*" >&2; exit 64 ;;
esac`,
    );
}

const FOUND = [
    { first: 16443, last: 16443 },
    { first: 30, last: 32 },
];

it("are those that are published, and those that a stopped gateway's stand-in names", async () => {
    docker("1 16444-16444,18809-18828\\n2 \\n");
    expect(await claimedPorts()).toEqual([
        { first: 16444, last: 16444 },
        { first: 18809, last: 18828 },
        ...FOUND,
    ]);
});

it("are none without a container", async () => {
    docker("");
    expect(await claimedPorts()).toEqual([]);
});

it("are those of the others, when one goes meanwhile", async () => {
    docker("1 \\n2 \\n", "echo 'Error: No such object: 2' >&2; exit 1");
    expect(await claimedPorts()).toEqual(FOUND);
});

it("cannot be told when Docker does not answer", async () => {
    docker("1 \\n2 \\n", "echo 'Cannot connect to the Docker daemon' >&2; exit 1");
    await expect(claimedPorts()).rejects.toThrow("Cannot connect to the Docker daemon");
});

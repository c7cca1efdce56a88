/** What a daemon adds to a network, and whether the program replaces the network for it. */
import { describe, expect, it } from "vitest";
import { Gateway } from "../../components";
import { dockerPlugin } from "../plugins/docker/plugin";
import type { Resource } from "../plugins/host/plugin";
import type { Obj } from "../plugins/host/values";
import { drain, find, record } from "../../test/support/mocks";

const NETWORK = "docker:index/network:Network";
const plugin = dockerPlugin("5.2.0").resources[NETWORK] as Resource;

/** What the program asks for, and what it leaves to others. */
async function asked(changed: { name?: string; subnet?: string } = {}) {
    const recorded = await record();
    new Gateway("gateway", {
        name: "dev",
        running: false,
        image: "rancher/k3s:v1.35.4-k3s1",
        subnet: "172.30.18.0/24",
        apiPort: 16443,
        ports: { first: 18789, last: 18808 },
        ...changed,
    });
    await drain();
    const { inputs, ignoreChanges } = find(recorded, NETWORK);
    const { inputs: news } = plugin.check({
        urn: `urn:pulumi:t::p::${NETWORK}::network`,
        olds: {},
        news: inputs as Obj,
        randomSeed: Buffer.from("seed"),
    });
    return { news, ignoreChanges };
}

/** The network as a daemon has it. */
const made = (inputs: Obj, found: Obj = {}): Obj => ({
    ...inputs,
    ...{ attachable: false, ingress: false, internal: false, ipv6: false, scope: "local" },
    labels: [],
    ...found,
});

/** Properties that would replace the network, after the engine has put ignored inputs back. */
function replaced(state: Obj, old: Obj, wanted: Awaited<ReturnType<typeof asked>>): string[] {
    const kept = wanted.ignoreChanges.flatMap((key) => (key in old ? [[key, old[key]]] : []));
    const news = { ...wanted.news, ...(Object.fromEntries(kept) as Obj) };
    const { detailed } = plugin.diff({
        ...{ urn: "", id: "n", state, oldInputs: old, news },
        ignoreChanges: wanted.ignoreChanges,
    });
    return [...detailed].filter(([, { replace }]) => replace).map(([path]) => path);
}

/** What daemons have been seen to add. */
const ADDED = {
    "an MTU for a VPN": { "com.docker.network.driver.mtu": "1400" },
    "Docker Desktop's two families": {
        "com.docker.network.enable_ipv4": "true",
        "com.docker.network.enable_ipv6": "true",
    },
};

describe("a network with options that the daemon adds", () => {
    it.each(Object.entries(ADDED))("is left as it is: %s", async (_, added) => {
        const wanted = await asked();
        const state = made(wanted.news, {
            options: { ...(wanted.news["options"] as Obj), ...added },
        });
        expect(replaced(state, wanted.news, wanted)).toEqual([]);
        // Without the program's leave it would not be.
        expect(
            replaced(
                made(wanted.news, { options: { ...added, ...bridge(wanted.news) } }),
                wanted.news,
                {
                    ...wanted,
                    ignoreChanges: [],
                },
            ),
        ).not.toEqual([]);
    });

    it("is left as it is where an earlier version of the program made it", async () => {
        const wanted = await asked();
        const before = { ...wanted.news, options: bridge(wanted.news) };
        expect(replaced(made(before), before, wanted)).toEqual([]);
    });

    it("has one subnet: Docker's IPv6 would bring a second, which is a replacement", async () => {
        const wanted = await asked();
        expect(wanted.news["options"]).toMatchObject({
            "com.docker.network.enable_ipv4": "true",
            "com.docker.network.enable_ipv6": "false",
        });
        const [first] = wanted.news["ipamConfigs"] as Obj[];
        const second = { subnet: "fd00:1::/64", gateway: "fd00:1::1", ipRange: "", auxAddress: {} };
        const two = made(wanted.news, { ipv6: true, ipamConfigs: [first as Obj, second] });
        expect(replaced(two, wanted.news, wanted)).toEqual(["ipamConfigs"]);
    });

    it("is replaced for another subnet or name all the same", async () => {
        const { news } = await asked();
        const state = made(news);
        const moved = await asked({ subnet: "10.213.7.0/24" });
        expect(replaced(state, news, moved)).toEqual(["ipamConfigs"]);
        const renamed = await asked({ name: "other" });
        expect(replaced(state, news, renamed)).toEqual(["name"]);
    });
});

/** The one option that the program always gave. */
function bridge(inputs: Obj): Obj {
    const options = Object.entries(inputs["options"] as Obj);
    const own = options.filter(([key]) => key === "com.docker.network.bridge.name");
    expect(own).toHaveLength(1);
    return Object.fromEntries(own);
}

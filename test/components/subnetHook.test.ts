/** When the subnet of a gateway is looked at: before it is made, and never after. */
import { describe, expect, it } from "vitest";
import { subnetIsFree } from "../../config";
import type { HostNetwork } from "../../machine/networks";
import { parseSettings } from "../../settings/parse";
import { drain, find, record } from "../support/mocks";
import { run } from "../support/program";

const GATEWAY = "sandbox-gateway:index:Gateway";
const LOOPBACK = { gateway: { subnet: "127.0.0.0/16" } };
const EXISTING = {
    existingCluster: {
        ...{ kubeconfig: "test/fixtures/kubeconfig", context: "c", storageClass: "s", host: "h" },
    },
};

async function check(raw: object, networks: readonly HostNetwork[]): Promise<void> {
    await record();
    const { settings } = parseSettings(raw);
    const hook = subnetIsFree(settings!.gateway, () => networks);
    await drain();
    await hook.callback({ urn: "", id: "", name: "", type: "" });
}

describe("the check of the subnet", () => {
    it("runs before the gateway is created, in previews too", async () => {
        const { recorded } = await run({});
        expect(find(recorded, GATEWAY).beforeCreate).toEqual([
            { name: "gateway.subnet is free", onDryRun: true },
        ]);
        // What is below the gateway waits for it, and can be made again on its own.
        const rest = recorded.filter(({ type }) => type !== GATEWAY);
        const hooks = rest.flatMap(({ beforeCreate }) => beforeCreate.map(({ name }) => name));
        expect(hooks).not.toContain("gateway.subnet is free");
    });

    it("is not part of the program's run: a gateway that is there gets through", async () => {
        const { recorded } = await run(LOOPBACK);
        expect(find(recorded, GATEWAY).inputs["subnet"]).toBe("127.0.0.0/16");
    });

    it("is not there for another cluster", async () => {
        const { recorded } = await run(EXISTING);
        const checks = recorded.flatMap(({ beforeCreate }) => beforeCreate);
        expect(checks.filter(({ name }) => name.includes("subnet"))).toEqual([]);
    });

    it("says what is in the way, and what would not be", async () => {
        const networks = [{ name: "tun0", cidr: "172.30.18.0/24", kind: "route" as const }];
        await expect(check({}, networks)).rejects.toThrow(
            'the configuration is wrong, nothing was changed:\n  gateway.subnet: got "172.30.18.0/24"; must not overlap 172.30.18.0/24, which is in use on interface tun0; for example 10.213.0.0/24',
        );
    });

    it("passes what is free, and a Docker host elsewhere", async () => {
        const networks = [{ name: "tun0", cidr: "172.30.18.0/24", kind: "route" as const }];
        await expect(check({}, [])).resolves.toBeUndefined();
        const elsewhere = { gateway: { dockerHost: "ssh://user@server" } };
        await expect(check(elsewhere, networks)).resolves.toBeUndefined();
    });
});

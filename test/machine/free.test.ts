import { describe, expect, it } from "vitest";
import { contains } from "../../model/ports";
import { overlaps, parseSubnet } from "../../model/subnet";
import * as free from "../../machine/freePlaces";
import { gatewaySchema } from "../../settings/schema/gateway";

const nothingListens = () => Promise.resolve(undefined);

describe("candidates", () => {
    it("begin with the ports that a gateway has by default, and with no subnet of Docker's own", () => {
        const { apiPort, ports } = gatewaySchema.parse({});
        expect(free.API_PORTS[0]?.first).toBe(apiPort);
        expect(free.BLOCKS[0]).toEqual(ports);
        // What dockerd hands out to networks that ask for no subnet (daemon/libnetwork/ipamutils).
        const pools = ["172.16.0.0/12", "192.168.0.0/16"].map((cidr) => parseSubnet(cidr)!);
        const first = free.SUBNETS.slice(0, 256).map((cidr) => parseSubnet(cidr)!);
        expect(first.filter((subnet) => pools.some((pool) => overlaps(pool, subnet)))).toEqual([]);
    });

    it("are all good values for a gateway, and no API port is in a block", () => {
        for (const subnet of free.SUBNETS) {
            expect(gatewaySchema.safeParse({ subnet }).success).toBe(true);
        }
        expect(free.freeSubnet(free.SUBNETS)).toBeUndefined();
        expect(free.freeSubnet(["10.42.0.0/16", "10.43.0.0/16"])).toBe(free.SUBNETS[0]);
        expect(free.BLOCKS.every(({ first, last }) => last - first === 19 && last < 32768)).toBe(
            true,
        );
        expect(
            free.API_PORTS.some(({ first }) => free.BLOCKS.some((b) => contains(b, first))),
        ).toBe(false);
    });

    it("go round from any start, each once", () => {
        const round = free.startingAt([1, 2, 3], 7);
        expect(round).toEqual([2, 3, 1]);
    });
});

describe("freeSubnet", () => {
    it.each([
        [[], "10.213.0.0/24"],
        [["10.213.0.128/25", "10.213.2.0/23"], "10.213.1.0/24"],
        [["10.0.0.0/8"], "172.30.18.0/24"],
        [["172.16.0.0/12", "10.0.0.0/8"], "192.168.128.0/24"],
        [["172.16.0.0/12", "10.0.0.0/8", "192.168.0.0/16"], undefined],
    ])("beside %j is %s", (used, expected) => {
        expect(free.freeSubnet(used)).toBe(expected);
    });
});

describe("freeBlock", () => {
    const candidates = free.blocksIn({ first: 100, last: 128 }, 10);

    it("is one of whole blocks only", () => {
        expect(candidates).toEqual([
            { first: 100, last: 109 },
            { first: 110, last: 119 },
        ]);
    });

    it("meets no claim, whichever end of it, and nothing that listens", async () => {
        const find = (claimed: [number, number][], busy: number[] = []) =>
            free.freeBlock(
                claimed.map(([first, last]) => ({ first, last })),
                (ports) => Promise.resolve(ports.find((port) => busy.includes(port))),
                candidates,
            );
        expect(await find([])).toEqual(candidates[0]);
        expect(await find([[110, 200]])).toEqual(candidates[0]);
        expect(await find([[90, 100]])).toEqual(candidates[1]);
        expect(await find([[109, 109]])).toEqual(candidates[1]);
        expect(await find([[104, 105]])).toEqual(candidates[1]);
        expect(await find([], [109])).toEqual(candidates[1]);
        expect(await find([[90, 100]], [110])).toBeUndefined();
        expect(await find([[90, 110]])).toBeUndefined();
    });

    it("does not ask for ports that are claimed", async () => {
        const asked: number[] = [];
        const findBusy = (ports: readonly number[]) => {
            asked.push(...ports);
            return nothingListens();
        };
        await free.freeBlock([{ first: 100, last: 109 }], findBusy, candidates);
        expect(asked[0]).toBe(110);
    });
});

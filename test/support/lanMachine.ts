/** A machine on a network of the host's, with a route of its own to wherever it likes: an attacker. */
import { attempt, run } from "./run";

/** A network namespace behind a cable to this machine. */
export class LanMachine {
    private constructor(
        /** Name of the namespace, and of the cable. */
        private readonly name: string,
        private readonly address: string,
        /** This machine, as the other one sees it. */
        readonly host: string,
    ) {}

    /** Makes it, beside others of other processes. Needs root. */
    static async make(): Promise<LanMachine> {
        // Carriers' own, at its end: nobody here has it, and to a gateway it is a network like any other.
        const block = `100.127.254.${(process.pid % 64) * 4}`.split(".").map(Number);
        const at = (offset: number) =>
            [...block.slice(0, 3), (block[3] as number) + offset].join(".");
        const machine = new LanMachine(`lan${process.pid}`, at(2), at(1));
        const { name } = machine;
        try {
            await run("ip", ["netns", "add", name]);
            await run("ip", ["link", "add", name, "type", "veth", "peer", "eth0", "netns", name]);
            await run("ip", ["address", "add", `${machine.host}/30`, "dev", name]);
            await run("ip", ["link", "set", name, "up"]);
            await machine.run("ip", "address", "add", `${machine.address}/30`, "dev", "eth0");
            await machine.run("ip", "link", "set", "eth0", "up");
            await machine.run("ip", "route", "add", "default", "via", machine.host);
        } catch (error) {
            await machine.remove();
            throw error;
        }
        return machine;
    }

    /** Whether a connection is made from it within three seconds. */
    async connects(host: string, port: number): Promise<boolean> {
        const inside = ["netns", "exec", this.name, "timeout", "3"];
        const open = `exec 3<>/dev/tcp/${host}/${port}`;
        return (await attempt("ip", [...inside, "bash", "-c", open])).status === 0;
    }

    private run(...command: string[]): Promise<string> {
        return run("ip", ["netns", "exec", this.name, ...command]);
    }

    async remove(): Promise<void> {
        await attempt("ip", ["link", "del", this.name]);
        await attempt("ip", ["netns", "del", this.name]);
    }
}

/** The virtual machine's command line, and the table of what was checked in it. */
import * as os from "node:os";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { Progress } from "../../steps/progress";
import { accelerator, commandLine } from "../vm/qemu";
import { asMarkdown, runCheck, type Check, type Row } from "../../test/vm/check";

describe("the processors of the machine", () => {
    const cpu = (flags: string) => `processor\t: 0\nflags\t\t: fpu ${flags} sse2\nbugs\t\t: vmx\n`;

    it.each([
        ["the kernel's, where it can", cpu("vmx"), true, "kvm"],
        ["the kernel's, on the other maker's", cpu("svm"), true, "kvm"],
        ["emulated, where this user may not", cpu("vmx"), false, "tcg,thread=multi"],
        [
            "emulated, where there is a device and nothing behind it",
            cpu(""),
            true,
            "tcg,thread=multi",
        ],
    ])("are %s", (_, cpuinfo, kvm, expected) => {
        expect(accelerator(cpuinfo, kvm)[1]).toBe(expected);
    });
});

describe("the command line", () => {
    const given = {
        accelerator: ["-accel", "tcg"],
        sshPort: 2222,
        publicKey: "ssh-ed25519 AAAA vm",
        console: "/log/console",
    };
    const line = (disk: object) => commandLine({ folder: "/disk", ...disk }, given).join(" ");

    it("leaves the disk as it is, unless it is to be kept", () => {
        expect(line({})).toContain(
            "file=/disk/root.img,format=raw,if=virtio,cache=unsafe,snapshot=on",
        );
        expect(line({ kept: true })).toContain("snapshot=off");
    });

    it("lets nothing out, and no one in but by ssh from this machine", () => {
        const [user] = /user,\S*/.exec(line({})) ?? [];
        expect(user).toBe("user,id=lan,restrict=on,hostfwd=tcp:127.0.0.1:2222-:22");
    });

    it("gives root the key of this run", () => {
        const [, credential = ""] = /authorized_keys\.root:(\S+)/.exec(line({})) ?? [];
        expect(Buffer.from(credential, "base64").toString()).toBe("ssh-ed25519 AAAA vm\n");
    });

    it("takes a second disk with a comma in its name", () => {
        expect(line({ second: "/a,b" })).toContain("file=/a,,b,format=raw,if=virtio,readonly=on");
    });
});

describe("a table of checks", () => {
    const check = (title: string, seen: string | Error, ...needs: string[]): Check<object> => ({
        ...{ title, claim: `${title} is so`, needs },
        run: () => (seen instanceof Error ? Promise.reject(seen) : Promise.resolve(seen)),
    });

    const run = async (...checks: Check<object>[]) => {
        const progress = new Progress(os.devNull, new PassThrough().resume());
        const rows: Row[] = [];
        for (const one of checks) {
            rows.push(await runCheck(one, {}, rows, progress));
        }
        return rows;
    };

    it("goes on after a failure with what does not rest on it", async () => {
        const rows = await run(
            check("up", new Error("no gateway")),
            check("stop", "stopped", "up"),
            check("start", "started", "stop"),
            check("options", "no change"),
        );
        expect(rows.map(({ title, result, seen }) => [title, result, seen])).toEqual([
            ["up", "FAILED", "no gateway"],
            ["stop", "not run", "without success of: up"],
            ["start", "not run", "without success of: stop"],
            ["options", "ok", "no change"],
        ]);
    });

    it("has one line for each, whatever was said", () => {
        const row: Row = {
            ...{ title: "up", claim: "it comes up", result: "FAILED", seconds: 125 },
            seen: "first\n\nsecond | third\n  fourth\nfifth",
        };
        expect(asMarkdown([row]).split("\n").slice(2)).toEqual([
            "| up | it comes up | FAILED | 2 min 5 s | second \\| third fourth fifth |",
        ]);
    });
});

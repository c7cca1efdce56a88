/** Installations of Debian packages that were killed; apt-get and dpkg are stand-ins. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { aptInstall, halfInstalled } from "../provide/apt";
import { StepError } from "../../steps/errors";
import { StandIns } from "../../test/support/standIns";

let standIns: StandIns;

beforeEach(() => (standIns = new StandIns()));

afterEach(() => standIns.remove());

const INSTALL = "apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=600 gcc";

/** What apt-get says, in the words of another language, until dpkg has ended what it was killed in. */
const interrupted = () => `
[ "$1" = update ] || [ -e ${standIns.folder}/ended ] || {
    echo 'E: Der dpkg-Prozess wurde unterbrochen; Sie müssen »dpkg --configure -a« ausführen.' >&2
    exit 100
}`;

describe("an installation", () => {
    it("is done at once where none was killed", async () => {
        standIns.add("apt-get", "");
        await aptInstall(["gcc"], standIns.progress);
        expect(standIns.calls()).toEqual(["apt-get update", INSTALL]);
    });

    it("ends first what dpkg was killed in", async () => {
        standIns.add("apt-get", interrupted());
        standIns.add("dpkg", `: >${standIns.folder}/ended`);
        await aptInstall(["gcc"], standIns.progress);
        expect(standIns.calls()).toEqual([
            "apt-get update",
            INSTALL,
            "dpkg --configure -a",
            INSTALL,
        ]);
    });

    it("fails when that cannot be ended", async () => {
        standIns.add("apt-get", interrupted());
        standIns.add("dpkg", "echo 'dpkg: error processing package libc6' >&2; exit 1");
        await expect(aptInstall(["gcc"], standIns.progress)).rejects.toThrow("processing package");
    });

    it("fails for any other reason at once", async () => {
        standIns.add(
            "apt-get",
            "[ \"$1\" = update ] || { echo 'E: no such package' >&2; exit 100; }",
        );
        await expect(aptInstall(["gcc"], standIns.progress)).rejects.toThrow(StepError);
        expect(standIns.calls()).toEqual(["apt-get update", INSTALL]);
    });
});

describe("packages that are half installed", () => {
    it.each([
        ["gcc installed\nlibc6-dev installed\n", 0, []],
        [
            "gcc unpacked\nlibc6-dev half-configured\nmake half-installed\n",
            0,
            ["gcc", "libc6-dev", "make"],
        ],
        // It fails for a name that it does not know, and tells of the others all the same.
        ["gcc unpacked\nold config-files\nnone not-installed\n", 1, ["gcc"]],
        ["", 127, []],
    ])("are told by their state: %j", async (said, status, expected) => {
        standIns.add("dpkg-query", `printf '${said}'; exit ${status}`);
        expect(await halfInstalled(["gcc", "libc6-dev"])).toEqual(expected);
    });
});

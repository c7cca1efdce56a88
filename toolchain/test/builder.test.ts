import { describe, expect, it } from "vitest";
import { checkImageBuild } from "../provide/builder";
import { StepError } from "../../steps/errors";

const DEBIAN = { platform: "linux", arch: "x64", hasApt: true, root: true };

describe("building an image", () => {
    it("is done on Debian on x86-64, as root", () => {
        expect(() => checkImageBuild("test image", DEBIAN)).not.toThrow();
    });

    it.each([
        [
            { platform: "darwin", arch: "arm64", hasApt: false, root: false },
            "Debian and x86-64 and root",
        ],
        [{ ...DEBIAN, arch: "arm64" }, "that needs x86-64"],
        [{ ...DEBIAN, hasApt: false }, "that needs Debian"],
        [{ ...DEBIAN, root: false }, "that needs root"],
    ])("is refused by name elsewhere: %j", (machine, needs) => {
        try {
            checkImageBuild("k3s image rancher/k3s:v1", machine);
        } catch (error) {
            expect(error).toBeInstanceOf(StepError);
            expect((error as StepError).message).toContain(
                "the k3s image rancher/k3s:v1 has to be",
            );
            expect((error as StepError).message).toContain(needs);
            expect((error as StepError).hint).toContain("docker pull");
            return;
        }
        throw new Error("it was not refused");
    });
});

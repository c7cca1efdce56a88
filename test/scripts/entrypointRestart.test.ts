/** When the entrypoint ends k3s alone and starts it again, and when it must not. */
import { rmSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { issueAuthority, issueClient, type KeyPair } from "../../components/gateway/pki";
import { DATA, GatewayRoot, RUN, TLS } from "../support/gatewayRoot";
import { shells } from "../support/shells";

const DAY = 86_400_000;

/** Days that what `issueClient` makes is good for. */
const LIFE = 365;

let authority: KeyPair;
let root: GatewayRoot;

beforeAll(async () => {
    authority = await issueAuthority("authority");
});

/** A certificate with so much left, and its authority after it, as k3s writes it. */
async function leaf(days: number): Promise<string> {
    // An hour more, so that a slow test does not end a day early.
    const now = new Date(Date.now() - (LIFE - days) * DAY + DAY / 24);
    const subject = { commonName: "system:admin", organization: "system:masters" };
    return `${(await issueClient(authority, subject, now)).cert}\n${authority.cert}\n`;
}

const dayIn = (days: number) => new Date(Date.now() + days * DAY + DAY / 24).toISOString();

describe.each(shells())("k3s alone under $name", (shell) => {
    beforeEach(() => {
        root = new GatewayRoot(shell);
        root.write("ready", "");
        root.write("drains", "");
        root.enforce();
    });
    afterEach(() => root.remove());

    const count = (call: string) => root.lines("calls").filter((line) => line === call).length;
    const starts = () => count("started");
    const isHealthy = () => root.read(`${RUN}/health`) === "ok\n";

    /** Holds a condition back until others have come true, in their order. */
    const inTurn = (...steps: (() => boolean)[]) => {
        let next = 0;
        return () => {
            while (next < steps.length && steps[next]?.()) {
                next++;
            }
            return next === steps.length;
        };
    };
    const once = (act: () => void) => () => {
        act();
        return true;
    };
    const forLooks = (looks: number) => {
        let seen = 0;
        let before = "";
        return () => {
            const now = root.read("looks") ?? "";
            seen += now === before ? 0 : 1;
            before = now;
            return seen > looks;
        };
    };

    describe("whose API has stopped answering", () => {
        beforeEach(() => (root.settings["SANDBOX_GATEWAY_HUNG_SECONDS"] = "1"));

        it("is started again, without a drain; a stop afterwards is as any other", async () => {
            const { status, stderr, calls } = await root.startAndStop(
                "it is healthy again",
                inTurn(
                    isHealthy,
                    once(() => rmSync(root.at("ready"))),
                    () => starts() === 2,
                    once(() => root.write("ready", "")),
                    isHealthy,
                ),
            );
            expect(status).toBe(0);
            const told = calls.filter((call) => call !== "openapi");
            expect(told.slice(0, 3)).toEqual(["started", "server ended", "started"]);
            expect(told.slice(3).map((call) => call.split(" ").slice(0, 2).join(" "))).toEqual([
                "kubectl drain",
                "server ended",
            ]);
            expect(stderr).toMatch(
                /entrypoint: the Kubernetes API has not answered for \d+ seconds: k3s alone is ended and started again, sandboxes run on/,
            );
            expect(stderr).not.toContain("k3s ended with status");
        });

        it("is made to end when it does not obey", async () => {
            root.write("deaf", "");
            const { status } = await root.startAndStop(
                "it is started again",
                inTurn(
                    isHealthy,
                    once(() => rmSync(root.at("ready"))),
                    () => starts() === 2,
                ),
            );
            // Deaf again: a stop is not kept waiting for it either.
            expect(status).toBe(0);
        });

        it("is left alone as long as it has never answered: a first start takes what it takes", async () => {
            rmSync(root.at("ready"));
            const until = Date.now() + 3000;
            await root.startAndStop("three seconds have passed", () => Date.now() > until);
            expect(starts()).toBe(1);
        });

        it("is left alone in the end, when restarts do not help, and that is said", async () => {
            root.settings["SANDBOX_GATEWAY_HUNG_SECONDS"] = "0";
            await root.startAndStop(
                "it is given up",
                inTurn(
                    isHealthy,
                    once(() => rmSync(root.at("ready"))),
                    () => root.read(`${RUN}/warnings`) !== undefined,
                ),
            );
            expect(starts()).toBe(4);
            expect(root.lines(`${RUN}/warnings`)).toEqual([
                "the Kubernetes API does not answer, and 3 restarts of k3s have not helped. Sandboxes run on, but nothing looks after them. Why: docker logs the-volume; to start everything anew, sandboxes too: docker restart the-volume",
            ]);
        });
    });

    describe("whose certificates near their end", () => {
        const CERT = `${TLS}/client-admin.crt`;

        beforeEach(() => {
            root.settings["SANDBOX_GATEWAY_CERTIFICATE_LOOKS"] = "1";
            // Each look at the API is one that counts.
            root.program("date", 'echo "$$" >>"$SANDBOX_GATEWAY_ROOT/looks"; exec /bin/date "$@"');
        });

        /** It starts with so many days left; then time passes. @returns how often it was started */
        async function age(first: number, later: number): Promise<number> {
            const [atFirst, atLast] = [await leaf(first), await leaf(later)];
            root.write("renewed", atFirst);
            root.write("starts", `cp renewed ${CERT}`);
            root.write(CERT, atFirst);
            await root.startAndStop(
                "it was looked at again and again",
                inTurn(
                    () => root.read(`${RUN}/certificates`) !== undefined,
                    once(() => root.write(CERT, atLast)),
                    // A restart that comes at once leaves that day there for a moment only.
                    () =>
                        starts() === 2 ||
                        root.read(`${RUN}/certificates`) === `${dayIn(later).slice(0, 10)}\n`,
                    forLooks(5),
                ),
            );
            return starts();
        }

        it.each([
            // k3s renews what has 120 days or less: a restart before would be in vain.
            ["a year, of which 111 days are left, runs on", 365, 111, 1],
            ["a year, of which 109 days are left, is started again", 365, 109, 2],
            // With 121 left it was not renewed at its start.
            ["121 days, of which 41 are left, runs on", 121, 41, 1],
            ["121 days, of which 39 are left, is started again", 121, 39, 2],
            // CATTLE_NEW_SIGNED_CERT_EXPIRATION_DAYS.
            ["30 days, of which 11 are left, runs on", 30, 11, 1],
            ["30 days, of which 9 are left, is started again", 30, 9, 2],
            ["what had ended before runs on: a start has not helped", -1, -2, 1],
        ])("%s", async (_, first, later, times) => {
            expect(await age(first, later)).toBe(times);
        });

        it("counts the first of all, authorities left out, also those of the agent", async () => {
            root.write(CERT, await leaf(300));
            root.write(`${DATA}/agent/serving-kubelet.crt`, await leaf(200));
            root.write(`${TLS}/client-ca.nochain.crt`, await leaf(5));
            root.write(`${DATA}/agent/client-ca.crt`, await leaf(5));
            root.write(`${TLS}/broken.crt`, "-----BEGIN CERTIFICATE-----\nxx\n-----END");
            await root.startAndStop("they are read", () =>
                Boolean(root.read(`${RUN}/certificates`)),
            );
            expect(root.read(`${RUN}/certificates`)).toBe(`${dayIn(200).slice(0, 10)}\n`);
        });

        it("is not started again when that does not renew them: there is no loop", async () => {
            root.write(CERT, await leaf(365));
            root.write("starts", "true");
            const late = await leaf(100);
            await root.startAndStop(
                "it was looked at again and again",
                inTurn(
                    () => root.read(`${RUN}/certificates`) !== undefined,
                    once(() => root.write(CERT, late)),
                    () => starts() === 2,
                    forLooks(5),
                ),
            );
            expect(starts()).toBe(2);
        });

        it("is not started again on a full disk, where k3s would empty them, but with room", async () => {
            root.write(CERT, await leaf(365));
            root.write("starts", "true");
            const late = await leaf(100);
            await root.startAndStop(
                "it is started again",
                inTurn(
                    () => root.read(`${RUN}/certificates`) !== undefined,
                    once(() => root.fill(`${DATA}/.sandbox-gateway-room`)),
                    once(() => root.write(CERT, late)),
                    // The stand-in of a full disk is gone after one attempt.
                    () => starts() === 2,
                ),
            );
            expect(root.lines(`${RUN}/warnings`)).toEqual([
                expect.stringMatching(
                    /^k3s's certificates end on ....-..-.., and are not renewed while nothing can be written to the volume the-volume: make room/,
                ),
            ]);
        });
    });

    it("is not asked to open the node once a stop has begun, and what was asked is waited for", async () => {
        root.write(`${DATA}/.sandbox-gateway-drained`, "");
        root.write("slow", "");
        const stopped = root.startAndStop("the node is being opened", () => {
            const asked = root.read("asked") !== undefined;
            if (asked) {
                // Long after TERM: the drain has to come after the answer.
                setTimeout(() => rmSync(root.at("slow")), 300);
            }
            return asked;
        });
        const { calls } = await stopped;
        const told = calls.filter((call) => call !== "openapi").map((call) => call.split(" ")[1]);
        expect(told).toEqual([undefined, "uncordon", undefined, "drain", "ended"]);
        expect(root.read(`${DATA}/.sandbox-gateway-drained`)).toBe("");
        expect(root.read(`${DATA}/.sandbox-gateway-open`)).toBeUndefined();
    });
});

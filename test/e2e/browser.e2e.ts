/**
 * Pages of sandboxes in a real browser: each is a site of its own, whatever the agent behind it serves; and
 * the assistant's lets its owner in, and no page of somebody else's. What an attacker tries is done at the
 * address as well, which all pages share: there it succeeds.
 */
import type { Page } from "puppeteer-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestBrowser } from "../support/browser";
import { AGENT, ASSISTANT, ASSISTANT_IMAGES } from "../support/sandboxes";
import { atAddress, TestStack } from "../support/stack";
import { until } from "../support/steps";

/** Says which cookies it was sent, and lets any page read that: as open as an application can be. */
const COOKIES = String.raw`#!/bin/sh
echo "got [$HTTP_COOKIE] from $HTTP_ORIGIN" >>/tmp/asked
printf 'Access-Control-Allow-Origin: %s\r\n' "$HTTP_ORIGIN"
printf 'Access-Control-Allow-Credentials: true\r\n'
[ -z "$QUERY_STRING" ] || printf 'Set-Cookie: %s\r\n' "$QUERY_STRING"
printf 'Content-Type: text/plain\r\n\r\n%s' "$HTTP_COOKIE"
`;

let stack: TestStack;
let browser: TestBrowser;
let urls: Record<string, string>;
let tokenUrl: string;

/** Path of the script in an agent's pages. */
const SCRIPT = "cgi-bin/cookies";

beforeAll(async () => {
    stack = await TestStack.create("browser");
    stack.configure({
        gateway: { imageArchives: ASSISTANT_IMAGES },
        sandboxes: { mine: AGENT, hostile: AGENT, assistant: ASSISTANT },
    });
    await stack.up();
    urls = await stack.output("urls");
    tokenUrl = (await stack.output<Record<string, string>>("tokenUrls"))["assistant"] as string;
    for (const sandbox of ["mine", "hostile"]) {
        const file = `/tmp/agent-www/${SCRIPT}`;
        await stack.shell(sandbox, `cat >${file} && chmod +x ${file}`, COOKIES);
    }
    browser = await TestBrowser.start();
});

afterAll(async () => {
    await browser?.close();
    await stack?.remove();
});

/** By its own name, or by the address that all share. */
const WAYS = [
    ["own name", (sandbox: string) => urls[sandbox] as string],
    ["address", (sandbox: string) => atAddress(urls[sandbox] as string)],
] as const;

/** Asks from within a page, with all that the browser has for where it asks. */
function fetchIn(page: Page, url: string, init: object = {}): Promise<string> {
    return page.evaluate(
        async (to, options) => {
            try {
                const answer = await fetch(to, { credentials: "include", ...options });
                return await answer.text();
            } catch (error) {
                return String(error);
            }
        },
        url,
        init,
    );
}

describe("URLs", () => {
    it("name a sandbox each, and the assistant's is where it lets a browser in", () => {
        const { port } = new URL(urls["mine"] as string);
        expect(urls["mine"]).toBe(`http://mine.localhost:${port}/`);
        expect(new URL(urls["hostile"] as string).hostname).toBe("hostile.localhost");
        expect(new URL(urls["assistant"] as string).hostname).toBe("127.0.0.1");
    });
});

describe.each(WAYS)("cookies of a sandbox at its %s", (way, urlOf) => {
    const apart = way === "own name";
    const cookie = apart ? "mine-named=1" : "mine-addressed=1";

    it("are its own page's", async () => {
        const page = await browser.open(urlOf("mine"));
        await fetchIn(page, `${urlOf("mine")}${SCRIPT}?${cookie};Path=/`);
        expect(await fetchIn(page, urlOf("mine") + SCRIPT)).toBe(cookie);
        expect(await page.evaluate(() => document.cookie)).toBe(cookie);
        await page.close();
    });

    it(`are ${apart ? "neither sent to nor seen by" : "sent to, and seen by,"} another sandbox`, async () => {
        const page = await browser.open(urlOf("hostile"));
        const seen = [
            await page.evaluate(() => document.cookie),
            await fetchIn(page, urlOf("hostile") + SCRIPT),
        ];
        expect(seen).toEqual(apart ? ["", ""] : [cookie, cookie]);
        await page.close();
    });

    it(`are ${apart ? "not " : ""}used by what another sandbox asks of it`, async () => {
        const page = await browser.open(urlOf("hostile"));
        const answer = await fetchIn(page, urlOf("mine") + SCRIPT);
        expect(answer).toBe(apart ? "" : cookie);
        await page.close();
    });
});

describe("a hostile page", () => {
    it("sets no cookie for the others' names", async () => {
        const page = await browser.open(urls["hostile"] as string);
        await fetchIn(page, `${urls["hostile"]}${SCRIPT}?planted=1;Domain=localhost;Path=/`);
        await page.evaluate(() => (document.cookie = "planted=2; Domain=localhost; Path=/"));
        const mine = await browser.open(urls["mine"] as string);
        expect(await mine.evaluate(() => document.cookie)).toBe("mine-named=1");
        await page.close();
        await mine.close();
    });

    it("reads nothing of the assistant's API, with a token either", async () => {
        const page = await browser.open(urls["hostile"] as string);
        const [url, token] = tokenUrl.split("#token=") as [string, string];
        const init = {
            method: "POST",
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
            body: "{}",
        };
        expect(await fetchIn(page, `${url}v1/chat/completions`, init)).toContain("TypeError");
        expect(await fetchIn(page, url)).toContain("TypeError");
        await page.close();
    });

    it("is refused by the assistant's socket, which answers its own page", async () => {
        const connect = (page: Page) =>
            page.evaluate(
                (url) =>
                    new Promise<string>((resolve) => {
                        const socket = new WebSocket(url);
                        let said = "";
                        socket.onopen = () =>
                            socket.send(
                                JSON.stringify({
                                    ...{ type: "req", id: "1", method: "connect" },
                                    params: {
                                        ...{ minProtocol: 4, maxProtocol: 4, role: "operator" },
                                        scopes: [],
                                        client: {
                                            ...{ id: "openclaw-control-ui", version: "test" },
                                            ...{ platform: "linux", mode: "webchat" },
                                        },
                                    },
                                }),
                            );
                        socket.onmessage = ({ data }) => (said += String(data));
                        socket.onclose = () => resolve(said);
                    }),
                (urls["assistant"] as string).replace(/^http/, "ws"),
            );
        const hostile = await browser.open(urls["hostile"] as string);
        expect(await connect(hostile)).toContain("CONTROL_UI_ORIGIN_NOT_ALLOWED");
        const own = await browser.open(`${urls["assistant"]}healthz`);
        expect(await connect(own)).toContain("CONTROL_UI_DEVICE_IDENTITY_REQUIRED");
        await hostile.close();
        await own.close();
    });
});

describe("whoever asks the assistant from this machine without its token", () => {
    it.each([
        [{}, 401],
        [{ authorization: "Bearer 0" }, 401],
    ])("is refused with %j", async (headers, status) => {
        const answer = await fetch(`${urls["assistant"]}v1/chat/completions`, {
            ...{ method: "POST", body: "{}" },
            headers: { "content-type": "application/json", ...headers },
        });
        expect(answer.status).toBe(status);
    });
});

describe("the assistant's page", () => {
    /** Opens it, and takes what its socket is told. */
    async function visit(url: string): Promise<{ page: Page; told: string[] }> {
        const page = await browser.blank();
        const told: string[] = [];
        const session = await page.createCDPSession();
        await session.send("Network.enable");
        session.on("Network.webSocketFrameReceived", ({ response }) =>
            told.push(response.payloadData),
        );
        await page.goto(url, { timeout: 60_000, waitUntil: "domcontentloaded" });
        return { page, told };
    }

    it("lets in whoever opens it with its token, at once, and leaves no cookies", async () => {
        const { page, told } = await visit(tokenUrl);
        await until("it is let in", 60, () => told.some((frame) => frame.includes("hello-ok")));
        expect(told.join("\n")).not.toContain("PAIRING_REQUIRED");
        const { cookies } = await (
            await page.createCDPSession()
        ).send("Network.getCookies", { urls: [urls["assistant"] as string] });
        expect(cookies.filter(({ name }) => !name.startsWith("mine-"))).toEqual([]);
        await page.close();
    });

    it("under its own name works as well, once the browser is approved", async () => {
        const { port } = new URL(tokenUrl);
        const named = tokenUrl.replace(/127\.0\.0\.1/, "assistant.localhost");
        expect(new URL(named).host).toBe(`assistant.localhost:${port}`);
        const { page, told } = await visit(named);
        await until("it is to be approved", 60, () =>
            told.some((frame) => frame.includes("PAIRING_REQUIRED")),
        );
        expect(told.join("\n")).not.toContain("ORIGIN_NOT_ALLOWED");
        await page.close();
    });
});

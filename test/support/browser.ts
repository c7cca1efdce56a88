/** A browser as people have one, without a window. */
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Browser, Page } from "puppeteer-core";

/** Debian's, which the test command has installed. */
const PROGRAM = "/usr/bin/chromium";

/** One browser with a profile of its own. */
export class TestBrowser {
    private constructor(
        private readonly browser: Browser,
        private readonly folder: string,
    ) {}

    static async start(): Promise<TestBrowser> {
        // It takes a while to load, and most tests need none.
        const { launch } = await import("puppeteer-core");
        const folder = mkdtempSync(path.join(os.tmpdir(), "browser-"));
        const browser = await launch({
            executablePath: PROGRAM,
            userDataDir: folder,
            // Its own walls, which it does not put up for root, are not what is tested.
            args: ["--no-sandbox", "--disable-dev-shm-usage"],
            // A first start on a busy machine.
            timeout: 120_000,
        });
        return new TestBrowser(browser, folder);
    }

    /** A page at a URL, loaded. */
    async open(url: string): Promise<Page> {
        const page = await this.browser.newPage();
        await page.goto(url, { timeout: 60_000, waitUntil: "domcontentloaded" });
        return page;
    }

    /** An empty page, to be watched from its beginning. */
    blank(): Promise<Page> {
        return this.browser.newPage();
    }

    async close(): Promise<void> {
        await this.browser.close();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

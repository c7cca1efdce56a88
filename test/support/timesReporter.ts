/** A reporter of the test runner that writes down how long each file took; see times.ts in test/run. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import type { Reporter, TestModule, Vitest } from "vitest/node";
import { FILES_FILE, STEPS_FILE, sumSteps, type FileTimes } from "../run/times";

type Hook = Parameters<NonNullable<Reporter["onHookStart"]>>[0];

export default class TimesReporter implements Reporter {
    private root = "";
    private readonly began = new Map<string, number>();
    private readonly hooks = new Map<string, { beforeAll: number; afterAll: number }>();
    private readonly modules: { module: TestModule; seconds: number }[] = [];

    onInit({ config }: Vitest): void {
        this.root = config.root;
        rmSync(this.logFile(STEPS_FILE), { force: true });
    }

    onTestModuleStart(module: TestModule): void {
        this.began.set(module.moduleId, performance.now());
    }

    onHookStart(hook: Hook): void {
        this.began.set(keyOf(hook), performance.now());
    }

    onHookEnd(hook: Hook): void {
        if (hook.name !== "beforeAll" && hook.name !== "afterAll") {
            return;
        }
        const { moduleId } = moduleOf(hook);
        const sums = this.hooks.get(moduleId) ?? { beforeAll: 0, afterAll: 0 };
        sums[hook.name] += this.since(keyOf(hook));
        this.hooks.set(moduleId, sums);
    }

    onTestModuleEnd(module: TestModule): void {
        this.modules.push({ module, seconds: this.since(module.moduleId) });
    }

    onTestRunEnd(): void {
        const log = this.logFile(STEPS_FILE);
        const steps = sumSteps(existsSync(log) ? readFileSync(log, "utf8") : "");
        const files = this.modules.map(({ module, seconds }): FileTimes => {
            const file = path.relative(this.root, module.moduleId);
            const hooks = this.hooks.get(module.moduleId);
            return {
                file,
                tests: [...module.children.allTests()].length,
                seconds,
                setUp: hooks?.beforeAll ?? 0,
                cleanUp: hooks?.afterAll ?? 0,
                steps: steps.get(file) ?? {},
            };
        });
        mkdirSync(path.dirname(log), { recursive: true });
        writeFileSync(this.logFile(FILES_FILE), JSON.stringify(files));
    }

    private logFile(name: string): string {
        return path.join(this.root, ".local", "log", name);
    }

    /** Seconds since the start that was noted under a key. */
    private since(key: string): number {
        const now = performance.now();
        return (now - (this.began.get(key) ?? now)) / 1000;
    }
}

function moduleOf({ entity }: Hook): TestModule {
    return entity.type === "module" ? entity : entity.module;
}

function keyOf(hook: Hook): string {
    return `${hook.name} ${hook.entity.id}`;
}

/** Check: types, required and unknown keys, rules, defaults and names. Pure. */

import type { CheckFailure, CheckRequest, CheckResult } from "../../host/plugin";
import { UNKNOWN, isObj } from "../../host/values";
import type { Json, Obj } from "../../host/values";
import { autoname } from "./autoname";
import type { Fields, Prop, ResourceRules } from "./schema";
import { nameOfUrn } from "../../../../model/urn";

/** The list of the properties that Check filled in; the engine keeps it with the inputs. */
export const DEFAULTS = "__defaults";

export function check(rules: ResourceRules, request: CheckRequest): CheckResult {
    const urnName = nameOfUrn(request.urn);
    const news = { ...request.news };
    const named: string[] = [];
    if (rules.autoname && news.name === undefined) {
        const name = autoname(urnName, request);
        if (name !== undefined) {
            news.name = name;
            named.push("name");
        }
    }
    const checker = new Checker(urnName);
    const inputs = checker.fields(news, rules.props, "", rules.unimplemented, named);
    for (const failure of rules.together?.(inputs) ?? []) {
        checker.fail(failure, "");
    }
    return { inputs, failures: checker.failures };
}

class Checker {
    readonly failures: CheckFailure[] = [];

    constructor(private readonly urnName: string) {}

    /** The real plugin names no property; it puts the path into the reason. */
    fail(reason: string, path: string): void {
        const where = path === "" ? `'${this.urnName}'` : `'${this.urnName}.${path}'`;
        this.failures.push({ property: "", reason: `${reason}. Examine values at ${where}.` });
    }

    fields(
        values: Obj,
        table: Fields,
        path: string,
        unimplemented: readonly string[] = [],
        defaulted: readonly string[] = [],
    ): Obj {
        const result: Obj = {};
        const defaults = [...defaulted];
        const at = (key: string) => (path === "" ? key : `${path}.${key}`);
        for (const [key, value] of Object.entries(values)) {
            if (key.startsWith("__") || value === null) {
                continue;
            }
            const prop = table[key];
            if (unimplemented.includes(key)) {
                this.fail(
                    "This input is not implemented by the stand-in for the docker plugin; " +
                        "leave it out or install the real plugin",
                    at(key),
                );
            } else if (!prop || prop.output) {
                this.fail("Invalid or unknown key", at(key));
            }
            result[key] = prop && !prop.output ? this.value(value, prop, at(key)) : value;
        }
        for (const [key, prop] of Object.entries(table)) {
            if (result[key] !== undefined) {
                continue;
            }
            if (prop.default !== undefined) {
                result[key] = prop.default;
                defaults.push(key);
            } else if (prop.required) {
                this.fail(
                    "Missing required argument. The argument " +
                        `"${key}" is required, but no definition was found.`,
                    at(key),
                );
            }
        }
        return { [DEFAULTS]: defaults.sort(), ...result };
    }

    private value(value: Json, prop: Prop, path: string): Json {
        if (value === UNKNOWN) {
            return value;
        }
        const typed = this.typed(value, prop, path);
        if (typed === undefined) {
            return value;
        }
        const wrong = prop.rule?.(typed);
        if (wrong !== undefined) {
            this.fail(wrong, path);
        }
        return typed;
    }

    /** The value in the property's own type, or undefined after reporting that it has another. */
    private typed(value: Json, prop: Prop, path: string): Json | undefined {
        switch (prop.kind) {
            case "list":
            case "set":
                return this.items(value, prop, path);
            case "map":
                if (isObj(value)) {
                    return value;
                }
                this.fail(`Attribute must be a map, not ${typeName(value)}`, path);
                return undefined;
            case "object":
                if (isObj(value)) {
                    return this.fields(value, prop.of as Fields, path);
                }
                this.fail(`Attribute must be an object, not ${typeName(value)}`, path);
                return undefined;
            default:
                return this.scalar(value, prop.kind, path);
        }
    }

    private items(value: Json, prop: Prop, path: string): Json | undefined {
        if (!Array.isArray(value)) {
            this.fail(`Attribute must be a list, not ${typeName(value)}`, path);
            return undefined;
        }
        return value.map((item, i) => {
            const at = `${path}[${i}]`;
            if (item === UNKNOWN) {
                return item;
            }
            if (typeof prop.of === "string") {
                return this.scalar(item, prop.of, at) ?? item;
            }
            if (isObj(item)) {
                return this.fields(item, prop.of ?? {}, at);
            }
            this.fail(`Attribute must be an object, not ${typeName(item)}`, at);
            return item;
        });
    }

    private scalar(value: Json, kind: Prop["kind"], path: string): Json | undefined {
        if (typeof value === "object") {
            this.fail(`Attribute must be a single value, not ${typeName(value)}`, path);
            return undefined;
        }
        const converted = convert(value, kind);
        if (converted === undefined) {
            this.fail(`Attribute must be a ${kind}, got ${JSON.stringify(value)}`, path);
        }
        return converted;
    }
}

function convert(value: string | number | boolean, kind: Prop["kind"]): Json | undefined {
    if (kind === "string") {
        return String(value);
    }
    if (kind === "bool") {
        if (typeof value === "boolean") {
            return value;
        }
        return value === "true" ? true : value === "false" ? false : undefined;
    }
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

function typeName(value: Json): string {
    if (Array.isArray(value)) {
        return "a list";
    }
    if (value === null) {
        return "null";
    }
    return typeof value === "object" ? "a map" : `a ${typeof value}`;
}

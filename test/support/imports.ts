/** Pure: which file of the project imports which. */
import * as path from "node:path";
import ts from "typescript";

/** Files by what they import of one another, types included. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * Reads imports.
 *
 * @param sources texts of files, by path from the project's root
 */
export function importsOf(sources: ReadonlyMap<string, string>): Imports {
    return new Map(
        [...sources].map(([file, text]) => [
            file,
            ts
                .preProcessFile(text, true, true)
                .importedFiles.filter(({ fileName }) => fileName.startsWith("."))
                .map(({ fileName }) => resolve(file, fileName, sources))
                .filter((target) => target !== undefined),
        ]),
    );
}

function resolve(
    file: string,
    specifier: string,
    sources: ReadonlyMap<string, string>,
): string | undefined {
    const base = path.join(path.dirname(file), specifier.replace(/\.js$/, ""));
    return [base, `${base}.ts`, path.join(base, "index.ts")].find((name) => sources.has(name));
}

/** The first cycle that is found, from a file back to itself. @returns undefined when there is none */
export function findCycle(imports: Imports): string[] | undefined {
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): string[] | undefined => {
        if (way.includes(file)) {
            return [...way.slice(way.indexOf(file)), file];
        }
        if (done.has(file)) {
            return undefined;
        }
        for (const target of imports.get(file) ?? []) {
            const cycle = visit(target, [...way, file]);
            if (cycle) {
                return cycle;
            }
        }
        done.add(file);
        return undefined;
    };
    for (const file of imports.keys()) {
        const cycle = visit(file, []);
        if (cycle) {
            return cycle;
        }
    }
    return undefined;
}

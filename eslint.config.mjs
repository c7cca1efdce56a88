import js from "@eslint/js";
import tseslint from "typescript-eslint";

/**
 * What each folder may import of the others: imports point one way, as docs/architecture.md draws them.
 * machine/standIns.ts alone loads the toolchain, by an import() that no machine needs which can download.
 */
const FOLDERS = {
    model: [],
    steps: ["model"],
    policy: ["model"],
    guard: ["model"],
    components: ["model"],
    settings: ["components", "model"],
    machine: ["components", "settings", "model", "steps"],
    toolchain: ["machine", "model", "steps"],
    cli: ["components", "settings", "machine", "model", "steps"],
};

/** The same within components: a gateway and a sandbox know of each other only what a cluster is. */
const COMPONENTS = {
    cluster: [],
    outbound: ["cluster"],
    gateway: ["cluster"],
    sandbox: ["cluster", "outbound"],
};

const OUTSIDE = [
    { regex: "^(\\.\\./)+(config|index)$", message: "Nothing imports the program itself." },
    { regex: "^(\\.\\./)+test(/|$)", message: "The program knows nothing of its tests." },
];

/** Imports of neighbours that a folder may not have. */
function refused(folder, folders) {
    return Object.keys(folders)
        .filter((other) => other !== folder && !folders[folder].includes(other))
        .map((other) => ({
            regex: `^(\\.\\./)+${other}(/|$)`,
            message: `${folder}/ may not import ${other}/: see docs/architecture.md.`,
        }));
}

function layer(files, patterns) {
    const rule = ["error", { patterns: [...patterns, ...OUTSIDE] }];
    return {
        files,
        ignores: ["toolchain/test/**"],
        rules: { "@typescript-eslint/no-restricted-imports": rule },
    };
}

export default tseslint.config(
    { ignores: ["node_modules/", ".local/", "**/*.js", "**/*.cjs", "**/*.mjs"] },
    js.configs.recommended,
    ...tseslint.configs.recommendedTypeChecked,
    {
        languageOptions: { parserOptions: { projectService: true } },
        rules: {
            "@typescript-eslint/no-unused-vars": [
                "error",
                { argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
            ],
            curly: "error",
            // Each `new Resource(...)` is a declaration; it needs no variable.
            "no-new": "off",
        },
    },
    ...Object.keys(FOLDERS).map((folder) => layer([`${folder}/**/*.ts`], refused(folder, FOLDERS))),
    // The last one that fits a file is the one that counts.
    ...Object.keys(COMPONENTS).map((folder) =>
        layer(
            [`components/${folder}/**/*.ts`],
            [...refused("components", FOLDERS), ...refused(folder, COMPONENTS)],
        ),
    ),
);

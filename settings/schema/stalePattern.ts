/** Pure: which shell patterns of stale files may be removed before each start. */

/** Below a workspace; written when the seeding is done. */
const SENTINEL = ".workspace-initialized";

/**
 * What is wrong with a pattern that begins with /sandbox/ or /tmp/, completing "must ...".
 *
 * @returns undefined when it may be used
 */
export function staleProblem(pattern: string): string | undefined {
    const [, root, ...names] = pattern.split("/");
    if (names.some((name) => ["", ".", ".."].includes(name))) {
        return "be a path without empty parts, `.` and `..`";
    }
    if (root !== "sandbox") {
        return undefined;
    }
    if (!names.some(hasLiteral)) {
        return "name what it removes: it can match everything in the workspace";
    }
    return names.length === 1 && expression(names[0] as string).test(SENTINEL)
        ? `leave /sandbox/${SENTINEL} alone: without it a workspace that is otherwise empty is seeded again`
        : undefined;
}

/** Whether a part of a path has a letter or a digit that a name must have. */
function hasLiteral(name: string): boolean {
    return /[A-Za-z0-9]/.test(name.replace(/\[[^\]]*\]/g, ""));
}

/** What a shell takes for one character: a list of some, one that is quoted, or itself. */
const PARTS = /\[!?\]?(?:\[:[a-z]+:\]|[^\]])*\]|\\[\s\S]|[\s\S]/g;

/** A part of a path as the shell matches it. */
function expression(name: string): RegExp {
    const source = (name.match(PARTS) ?? []).map((part) => {
        if (part === "*" || part === "?") {
            return part === "*" ? ".*" : ".";
        }
        if (part.startsWith("[") && part.length > 1) {
            return list(part);
        }
        return part.replace(/^\\(?=[\s\S])/, "").replace(/[.^$+(){}|[\]\\*?]/, "\\$&");
    });
    try {
        return new RegExp(`^${source.join("")}$`);
    } catch {
        // A range that runs backwards, `[z-a]`, matches nothing in a shell either.
        return /$^/;
    }
}

/** A list of characters; one of a class, such as `[[:alpha:]]`, is taken for any. */
function list(part: string): string {
    const [, not = "", characters = ""] = /^\[(!?)([^]*)\]$/.exec(part) ?? [];
    return characters.includes("[:")
        ? "."
        : `[${not && "^"}${characters.replace(/[\\\]^[]/g, "\\$&")}]`;
}

/** Pure: which shell patterns may name stale files, which are removed before each start. */

/** Name of the file in a workspace that marks the seeding as done. */
const SENTINEL = ".workspace-initialized";

/**
 * What is wrong with a pattern that begins with /sandbox/ or /tmp/, completing "must ...".
 *
 * @returns undefined when the pattern may be used
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

/** Whether a part of a path names something: it has a letter or a digit outside of lists of characters. */
function hasLiteral(name: string): boolean {
    return /[A-Za-z0-9]/.test(name.replace(/\[[^\]]*\]/g, ""));
}

/** Units of a shell pattern, each for one character: a list of characters, an escaped one, or a literal. */
const PARTS = /\[!?\]?(?:\[:[a-z]+:\]|[^\]])*\]|\\[\s\S]|[\s\S]/g;

/** The regular expression for a part of a path. */
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

/** The regular expression for a list of characters. A class, such as `[[:alpha:]]`, is taken for any character. */
function list(part: string): string {
    const [, not = "", characters = ""] = /^\[(!?)([^]*)\]$/.exec(part) ?? [];
    return characters.includes("[:")
        ? "."
        : `[${not && "^"}${characters.replace(/[\\\]^[]/g, "\\$&")}]`;
}

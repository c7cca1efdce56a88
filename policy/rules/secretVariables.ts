/** Pure: whether an environment variable holds a secret, by its name and by its value. */

/** Ends of names. What follows one says what it is about: a `TOKEN_URL`, a `PASSWORD_FILE`. */
const PASSWORDS = /(PASSWORD|PASSWD|PASSPHRASE|SECRET)S?$|^(PASS|PWD)$/;
const TOKENS = /(TOKEN|CREDENTIAL|APIKEY|ACCESSKEY|SECRETKEY|PRIVATEKEY)S?$|^PATS?$/;

/** Keys that lock nothing. */
const OTHER_KEYS =
    /^(PUBLIC|PUB|PRIMARY|FOREIGN|SORT|PARTITION|CACHE|INDEX|RANGE|HASH|GROUP|OBJECT)$/;

/** Said of a secret, and not what it is. */
const SUFFIXES = /^(OLD|NEW|B64|BASE64|[0-9]+)$/;

/** The shell's own. */
const FOLDERS = /^(OLD)?PWD$/i;

const SWITCH = /^(true|false|yes|no|on|off|none|null|auto|enabled|disabled)$/i;
const NUMBER = /^[0-9]+(\.[0-9]+)?[a-z%]{0,2}$/i;

/** Of more than one part, or with an ending: some secrets begin with a slash. */
const FILE = /^(file:\/)?(~|\.{0,2})\/[\w.@ -]*(\/[\w.@ /-]+|\.[a-z]{2,5})$/i;

/** Forms of values that are secrets whatever they are called. */
const VALUES: readonly RegExp[] = [
    // A password in a URL.
    /[a-z][a-z0-9+.-]*:\/\/[^\s/:@?#]*:[^\s/@]+@/i,
    // The same in the form of databases and of Azure.
    /(^|[\s;&?])(password|passwd|pwd|secret|api[-_]?key|access[-_]?token|accountkey|sharedaccesskey)=[^\s;&]+/i,
    /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
    /^(bearer|basic) \S{8,}$/i,
    // A JSON Web Token.
    /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+/,
    // Tokens that their makers have marked as such.
    /\b(gh[oprsu]_|github_pat_|glpat-|npm_|hf_|gsk_|pplx-|xai-|r8_|dop_v1_|shpat_|lin_api_|hvs\.|pypi-|tskey-|ya29\.|sk-|sk_live_|sk_test_|rk_live_|xox[abeoprs]-|xapp-)[\w-]{16,}/,
    /\bAIza[\w-]{35}/,
    /\bSG\.[\w-]{16,}\.[\w-]{16,}/,
    /\bAGE-SECRET-KEY-1/,
    /^[0-9]{8,10}:[\w-]{35}$/,
];

/** Whether a variable seems to hold a secret. One that is empty holds none. */
export function looksSecret(name: string, value: string): boolean {
    return value !== "" && (VALUES.some((form) => form.test(value)) || isCalledSecret(name, value));
}

function isCalledSecret(name: string, value: string): boolean {
    const words = wordsOf(name);
    const last = words.at(-1) ?? "";
    if (FOLDERS.test(name) || SWITCH.test(value) || FILE.test(value)) {
        return false;
    }
    if (PASSWORDS.test(last)) {
        return true;
    }
    // A limit or a count is called like what it counts.
    return !NUMBER.test(value) && (TOKENS.test(last) || isKey(words));
}

function isKey(words: readonly string[]): boolean {
    const [what, last = ""] = words.slice(-2);
    return words.length > 1 && /^KEYS?$/.test(last) && !OTHER_KEYS.test(what as string);
}

/** `openaiApi_key2` is OPENAI, API, KEY. */
function wordsOf(name: string): string[] {
    const words = name
        .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
        .toUpperCase()
        .split(/[^A-Z0-9]+/)
        .filter((word) => word !== "")
        .map((word) => word.replace(/(?<=[A-Z])[0-9]+$/, ""));
    while (words.length > 1 && SUFFIXES.test(words.at(-1) as string)) {
        words.pop();
    }
    return words;
}

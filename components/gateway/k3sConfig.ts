/** Renders k3s's own settings files. */

/** A value k3s takes in `config.yaml`: a list repeats the flag. */
export type K3sValue = string | number | boolean | readonly string[];

/** k3s settings by flag name, without dashes in front. */
export type K3sSettings = Readonly<Record<string, K3sValue>>;

/**
 * Renders `config.yaml`.
 *
 * Every scalar is written as a JSON string: k3s reads YAML 1.1, where `0644` is an octal number and
 * `yes` a boolean; it turns each value into a flag of text anyway. Keys are sorted, so that the
 * order in which settings were put together is not a change of the container.
 */
export function renderK3sConfig(settings: K3sSettings): string {
    const lines = Object.keys(settings)
        .sort()
        .map((key) => {
            const value = settings[key] as K3sValue;
            return Array.isArray(value)
                ? `${key}: [${value.map((item) => quote(item as string)).join(", ")}]`
                : `${key}: ${quote(value as string | number | boolean)}`;
        });
    return lines.join("\n") + "\n";
}

function quote(value: string | number | boolean): string {
    return asYaml(JSON.stringify(String(value)));
}

/**
 * JSON as every reader of YAML takes it: to YAML 1.1 some characters that JSON leaves as they are would
 * end a line within a text, and others would not be allowed at all.
 */
export function asYaml(json: string): string {
    return json.replace(
        /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
        (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}

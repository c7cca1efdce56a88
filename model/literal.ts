/** Pure: texts that a container gets as they are written. */
import type { types } from "@pulumi/kubernetes";

type Container = types.input.core.v1.Container;

/** What of a container Kubernetes looks into, in plain values. */
interface Texts {
    readonly command?: readonly string[];
    readonly args?: readonly string[];
    readonly env?: readonly { readonly name: string; readonly value: string }[];
}

/**
 * In commands, arguments and variables Kubernetes puts a variable's value in place of `$(NAME)`, a secret
 * one's too, and one `$` in place of `$$`. Nobody who writes a text elsewhere expects that of it.
 *
 * @returns what comes out of it as `text`
 */
export function literal(text: string): string {
    return text.replaceAll("$", () => "$$");
}

/** Command, arguments and environment of a container, each escaped likewise. */
export function literally({ command, args, env }: Texts): Pick<Container, keyof Texts> {
    return {
        ...(command && { command: command.map(literal) }),
        ...(args && { args: args.map(literal) }),
        ...(env && { env: env.map(({ name, value }) => ({ name, value: literal(value) })) }),
    };
}

/** Schema of `sandboxes.<name>.openclaw`. */
import { z } from "zod";
import { configProblems } from "../../components/sandbox/applications/openclawConfig";
import { must, unmet, type Requirement } from "../problems";

const ORIGIN: Requirement = {
    rule: "be an origin: http or https, a host, a port unless it is the usual one",
    example: "https://agents.example.org",
};

const origin = z.string(must(ORIGIN.rule, ORIGIN.example)).superRefine((value, context) => {
    const missed = checkOrigin(value);
    if (missed !== undefined) {
        context.addIssue(unmet(missed));
    }
});

/** What an origin must be: OpenClaw compares it letter by letter with the one that a browser sends. */
function checkOrigin(value: string): Requirement | undefined {
    if (value.includes("*")) {
        return {
            rule: "name one origin: with a wildcard any web page could use what a browser was let in to",
            example: ORIGIN.example,
        };
    }
    if (!/^https?:\/\/[^/?#\s]/i.test(value) || !URL.canParse(value)) {
        return ORIGIN;
    }
    const { origin, password } = new URL(value);
    // An origin with a password is shown in no part: the host may be secret, too.
    const example = password === "" ? origin : ORIGIN.example;
    return origin === value
        ? undefined
        : {
              rule: "be written as a browser sends it: in lower case, without a path, a user or the usual port",
              example,
          };
}

/** `sandboxes.<name>.openclaw`. */
export const openclawSchema = z.strictObject(
    {
        allowedOrigins: z
            .array(origin, must("be a list of origins", '["https://agents.example.org"]'))
            .default([])
            .describe("Origins of OpenClaw's page besides those under which it is published."),
        config: z
            .record(
                z.string(),
                z.unknown(),
                must("be an object of OpenClaw's settings", '{"channels": {"telegram": {...}}}'),
            )
            .superRefine((config, context) => {
                for (const { path, ...requirement } of configProblems(config)) {
                    context.addIssue(unmet(requirement, path));
                }
            })
            .optional()
            .describe("Settings in OpenClaw's own form. Kept as a secret."),
    },
    must("be an object of allowedOrigins and config", '{"allowedOrigins": [...]}'),
);

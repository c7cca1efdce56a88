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

/** OpenClaw compares with what a browser sends, letter by letter. */
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
    // Who writes a password there has one to hide, with all that belongs to it.
    const example = password === "" ? origin : ORIGIN.example;
    return origin === value
        ? undefined
        : {
              rule: "be written as a browser sends it: in lower case, without a path, a user or the usual port",
              example,
          };
}

/** What is set of OpenClaw in its own terms. */
export const openclawSchema = z.strictObject(
    {
        allowedOrigins: z
            .array(origin, must("be a list of origins", '["https://agents.example.org"]'))
            .default([]),
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
            .optional(),
    },
    must("be an object of allowedOrigins and config", '{"allowedOrigins": [...]}'),
);

/** The form of `sandboxes.<name>.openclaw`. */
import { z } from "zod";
import { configProblems } from "../../components/sandbox/applications/openclawConfig";
import { must } from "../problems";

const ORIGIN = must(
    "be an origin: http or https, a host, a port unless it is the usual one",
    "https://agents.example.org",
);

const origin = z.string(ORIGIN).superRefine((value, context) => {
    const message = originProblem(value);
    if (message !== undefined) {
        context.addIssue({ code: "custom", message });
    }
});

/** OpenClaw compares with what a browser sends, letter by letter. */
function originProblem(value: string): string | undefined {
    if (value.includes("*")) {
        return must(
            "name one origin: with a wildcard any web page could use what a browser was let in to",
            "https://agents.example.org",
        );
    }
    if (!/^https?:\/\/[^/?#\s]/i.test(value) || !URL.canParse(value)) {
        return ORIGIN;
    }
    const { origin, password } = new URL(value);
    // Who writes a password there has one to hide, with all that belongs to it.
    const example = password === "" ? origin : "https://agents.example.org";
    return origin === value
        ? undefined
        : must(
              "be written as a browser sends it: in lower case, without a path, a user or the usual port",
              example,
          );
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
                for (const { path, rule, example } of configProblems(config)) {
                    context.addIssue({
                        code: "custom",
                        path: [...path],
                        message: must(rule, example),
                    });
                }
            })
            .optional(),
    },
    must("be an object of allowedOrigins and config", '{"allowedOrigins": [...]}'),
);

/** Schema of `sandboxes.<name>.application`. */
import { z } from "zod";
import { APPLICATIONS, type ApplicationName } from "../../components/sandbox/applications";
import { must, unmet } from "../problems";
import { anyPort, text, variables } from "./fields";
import { staleProblem } from "./stalePattern";

const httpPath = text(/^\/\S*$/, "be a path that begins with /", "/healthz");

const customApplication = z.strictObject(
    {
        command: z
            .array(z.string(must("be a text", '"node"')), must("be a list", '["node", "app.js"]'))
            .min(1, must("name a program", '["node", "app.js"]'))
            .optional()
            .describe("Program and arguments."),
        port: anyPort("8080", "be the port it listens on, 1 to 65535").describe(
            "Port that the application listens on.",
        ),
        path: httpPath.optional().describe("Path of the page that a user opens."),
        probes: z
            .strictObject(
                {
                    startup: httpPath
                        .optional()
                        .describe("Answers once the application has started."),
                    readiness: httpPath
                        .optional()
                        .describe("Answers while the application can serve."),
                    liveness: httpPath
                        .optional()
                        .describe(
                            "Answers while the application is alive; otherwise it is restarted in place.",
                        ),
                },
                must("be an object of paths", '{"liveness": "/healthz"}'),
            )
            .optional()
            .describe("Paths that answer 200."),
        staleFiles: z
            .array(
                text(
                    /^\/(sandbox|tmp)\/\S/,
                    "be a pattern below /sandbox or /tmp",
                    "/tmp/*.lock",
                ).superRefine((pattern, context) => {
                    const rule = staleProblem(pattern);
                    if (rule !== undefined) {
                        context.addIssue(unmet({ rule, example: "/sandbox/.run/*.lock" }));
                    }
                }),
                must("be a list of patterns", '["/tmp/*.lock"]'),
            )
            .optional()
            .describe(
                "Shell patterns of lock and temporary files that are removed before each start.",
            ),
        env: variables("environment variables")
            .optional()
            .describe("Environment variables that the application needs."),
        tokenEnv: text(/^[A-Za-z_][A-Za-z0-9_]*$/, "be a variable's name", "TOKEN")
            .optional()
            .describe("Environment variable with the sandbox's token."),
    },
    must("be a known application or an object", '"openclaw"'),
);

/** Names of the applications that the program knows. */
export const applicationNames = Object.keys(APPLICATIONS) as [
    ApplicationName,
    ...ApplicationName[],
];

/** A known application by name, or one of the user's own. */
export const applicationSchema = z.union(
    [z.enum(applicationNames), customApplication],
    must("be a known application or an object", '"openclaw"'),
);

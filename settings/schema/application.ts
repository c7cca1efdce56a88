/** Schema of `sandboxes.<name>.application`. */
import { z } from "zod";
import {
    APPLICATIONS,
    type ApplicationName,
} from "../../components/sandbox/applications/application";
import { must, unmet } from "../problems";
import { anyPort, text, variables } from "./fields";
import { staleProblem } from "./stalePattern";

const httpPath = text(/^\/\S*$/, "be a path that begins with /", "/healthz");

const customApplication = z.strictObject(
    {
        command: z
            .array(z.string(must("be a text", '"node"')), must("be a list", '["node", "app.js"]'))
            .min(1, must("name a program", '["node", "app.js"]'))
            .optional(),
        port: anyPort("8080", "be the port it listens on, 1 to 65535"),
        path: httpPath.optional(),
        probes: z
            .strictObject(
                {
                    startup: httpPath.optional(),
                    readiness: httpPath.optional(),
                    liveness: httpPath.optional(),
                },
                must("be an object of paths", '{"liveness": "/healthz"}'),
            )
            .optional(),
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
            .optional(),
        env: variables("environment variables").optional(),
        tokenEnv: text(/^[A-Za-z_][A-Za-z0-9_]*$/, "be a variable's name", "TOKEN").optional(),
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

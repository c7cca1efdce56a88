/** What the rules share: configuration, and how a resource is looked at. */
import type {
    PolicyConfigSchema,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
} from "@pulumi/policy";
import { parseUrn } from "../../model/urn";

/** Each rule can leave resources out by name: `"exempt": ["scratch-workspace"]`. */
export const EXEMPT: PolicyConfigSchema = {
    properties: {
        exempt: {
            type: "array",
            items: { type: "string" },
            default: [],
            description: "Names of resources that the rule does not look at",
        },
    },
};

/** A rule about resources one by one. */
export interface Rule {
    readonly name: string;
    /** One sentence that says what must hold. */
    readonly description: string;
    /** What to do about a violation. */
    readonly remediation: string;
    /** Further configuration besides `exempt`. */
    readonly config?: PolicyConfigSchema["properties"];
    readonly check: (args: ResourceValidationArgs, report: ReportViolation) => void;
}

/** Makes a policy of a rule: mandatory, configurable, with its remediation in the output. */
export function policy(rule: Rule): ResourceValidationPolicy {
    return {
        name: rule.name,
        description: rule.description,
        remediationSteps: rule.remediation,
        enforcementLevel: "mandatory",
        configSchema: { properties: { ...EXEMPT.properties, ...rule.config } },
        validateResource: (args, report) => {
            const { exempt = [] } = args.getConfig<{ exempt?: string[] }>();
            if (!exempt.includes(args.name)) {
                rule.check(args, report);
            }
        },
    };
}

/** The inputs of a resource, typed as far as a rule reads them. */
export function inputs<T>(args: ResourceValidationArgs): T {
    return args.props as T;
}

const DEFAULT_STACKS = ["dev", "test"];

/** Stacks in which a tag will do. */
export const DEVELOPMENT_STACKS: NonNullable<PolicyConfigSchema["properties"]> = {
    developmentStacks: {
        type: "array",
        items: { type: "string" },
        default: DEFAULT_STACKS,
        description: "Stacks in which a tag will do",
    },
};

/** Whether an image has to be named by digest here, and is not. */
export function lacksDigest(args: ResourceValidationArgs, image: string | undefined): boolean {
    const { developmentStacks = DEFAULT_STACKS } = args.getConfig<{
        developmentStacks?: string[];
    }>();
    return (
        !developmentStacks.includes(parseUrn(args.urn)?.stack ?? "") && !image?.includes("@sha256:")
    );
}

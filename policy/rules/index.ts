/** All rules of the pack. */
import type { Policies } from "@pulumi/policy";
import { gatewayPolicies } from "./gateway";
import { podPolicies } from "./pods";
import { stackPolicies } from "./stack";
import { statePolicies } from "./state";

export const policies: Policies = [
    ...statePolicies,
    ...gatewayPolicies,
    ...podPolicies,
    ...stackPolicies,
];

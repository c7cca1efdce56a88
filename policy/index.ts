/** The policy pack. Rules are in rules/; constructing the pack starts a server, so tests import those. */
import { PolicyPack } from "@pulumi/policy";
import { policies } from "./rules";

new PolicyPack("sandbox-gateway", { enforcementLevel: "mandatory", policies });

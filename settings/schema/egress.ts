/** Schema of a destination in `sandboxes.<name>.egress`. */
import { z } from "zod";
import type { Egress } from "../../components/cluster/networkPolicy";
import type { HostRule } from "../../model/hosts";
import { must } from "../problems";
import { anyPort, cidr, flag, text } from "./fields";

const EGRESS = must(
    "be `internet`, or an object of one of `internet`, `cidr` and `host`",
    '{"host": "api.example.org"}',
);

/** A host by name, kept in lower case: the proxy compares names in lower case, letter by letter. */
const hostName = text(
    /^(\*\.(\w([\w-]*\w)?\.)+|(\w([\w-]*\w)?\.)*)[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?$/,
    "be a host name, or `*.` and a domain of two labels or more for every name below it",
    "api.example.org",
)
    .refine((name) => name.length <= 253, must("have at most 253 characters", "api.example.org"))
    .transform((name) => name.toLowerCase());

const isGiven = (value: unknown) => value !== undefined;

const egressPorts = z
    .array(anyPort("443"), must("be a list of TCP ports", "[443]"))
    .min(1, must("name a port, or be left out for all of them", "[443]"))
    .optional();

const destination = z
    .strictObject(
        {
            internet: z
                .literal(true, must("be true, or be left out", "true"))
                .optional()
                .describe("Every public address."),
            cidr: cidr.optional().describe("An IPv4 network."),
            host: hostName
                .optional()
                .describe("A host by name, or *. and a domain for every name below it."),
            ports: egressPorts.describe(
                "TCP ports. Without any: all ports of a network, 443 of a host.",
            ),
            private: flag(true)
                .optional()
                .describe("Whether the host's address may be one of a private network."),
        },
        EGRESS,
    )
    .refine((rule) => [rule.internet, rule.cidr, rule.host].filter(isGiven).length === 1, EGRESS)
    .refine((rule) => rule.host !== undefined || rule.private === undefined, {
        path: ["private"],
        ...must("go with `host` alone", '{"host": "git.lan", "private": true}'),
    })
    .transform(({ cidr: network, host, ports, private: near }): Egress | HostRule => {
        const open = ports === undefined ? {} : { ports };
        if (host !== undefined) {
            return { host, ...open, ...(near === undefined ? {} : { private: near }) };
        }
        return network === undefined ? { internet: true, ...open } : { cidr: network, ...open };
    });

/** A destination that a sandbox may reach. */
export const egressSchema = z.union([z.literal("internet"), destination], EGRESS);

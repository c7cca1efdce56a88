/** Rules of destinations by name and of inference, which go through the outbound proxy. */
import { baseUrlProblem, keyProblem } from "../../components/outbound/endpoint";
import { INFERENCE_HOST } from "../../model/hosts";
import { MOST_PORTS, portsOfClient } from "../../components/outbound/listeners";
import { OUTBOUND_NAME, outboundService } from "../../model/outboundNames";
import { outboundRules } from "../outbound";
import type { Problem } from "../problems";
import type { SandboxSettings, Settings } from "../schema";

/** The problems of destinations by name and of inference. */
export function checkOutbound({ sandboxes }: Settings): Problem[] {
    const users = Object.entries(sandboxes).filter(
        ([, sandbox]) => outboundRules(sandbox) !== undefined,
    );
    return [
        ...users.flatMap(([name, sandbox]) => checkSandbox(`sandboxes.${name}`, sandbox)),
        ...checkNames(
            Object.keys(sandboxes),
            users.map(([name]) => name),
        ),
    ];
}

function checkSandbox(key: string, sandbox: SandboxSettings): Problem[] {
    const { hosts = [], inference } = outboundRules(sandbox) ?? {};
    const ports = portsOfClient({
        sandbox: key,
        hosts,
        inference: inference !== undefined,
        resolvesAll: false,
    });
    return [
        ...(hosts.length > 0 && sandbox.dns === false
            ? [
                  {
                      key: `${key}.dns`,
                      got: false,
                      rule: "not be false beside destinations by name: names that no rule lists are not resolved anyway",
                      example: "the same without this key",
                  },
              ]
            : []),
        ...(ports.length > MOST_PORTS
            ? [
                  {
                      key: `${key}.egress`,
                      got: `${ports.length} ports (${ports.join(", ")})`,
                      rule: `have at most ${MOST_PORTS} different ports by name`,
                      example: '{"cidr": "192.168.7.0/24"}, which is about addresses',
                  },
              ]
            : []),
        ...sandbox.egress.flatMap((rule, index) =>
            typeof rule === "object" && "host" in rule && isOwn(rule.host)
                ? [
                      {
                          key: `${key}.egress[${index}].host`,
                          got: rule.host,
                          rule: "not be a name that every sandbox has for itself",
                          example: "api.example.org",
                      },
                  ]
                : [],
        ),
        ...checkInference(`${key}.inference`, inference),
    ];
}

function isOwn(host: string): boolean {
    return host === INFERENCE_HOST || host === "localhost" || host.endsWith(".localhost");
}

/** Rules of an endpoint. Messages show neither URL nor key, even if the file has them in clear. */
function checkInference(
    key: string,
    inference: { readonly baseUrl: string; readonly apiKey: string } | undefined,
): Problem[] {
    if (inference === undefined) {
        return [];
    }
    const wrong = {
        baseUrl: baseUrlProblem(inference.baseUrl),
        apiKey: keyProblem(inference.apiKey),
    };
    const example = { baseUrl: "https://api.example.org/v1", apiKey: "sk-..." };
    return (["baseUrl", "apiKey"] as const).flatMap((part) => {
        const rule = wrong[part];
        return rule === undefined
            ? []
            : [
                  {
                      key: `${key}.${part}`,
                      got: undefined,
                      secret: true,
                      rule: `${rule}; or go past the outbound proxy (${key}.proxy: false)`,
                      example: example[part],
                  },
              ];
    });
}

/** A sandbox must not have the name of an object of the proxy, which is in the same namespace. */
function checkNames(all: readonly string[], users: readonly string[]): Problem[] {
    const taken = users.length === 0 ? [] : [OUTBOUND_NAME, ...users.map(outboundService)];
    return all
        .filter((name) => taken.includes(name))
        .map((name) => ({
            key: `sandboxes.${name}`,
            got: name,
            rule: "not have the name of an object of the outbound proxy",
            example: `${name}-1`,
        }));
}

import { expect, it } from "vitest";
import { looksSecret } from "../../policy/rules/secretVariables";

it.each([
    ...[
        ["GITHUB_TOKEN", "x"],
        ["GH_PAT", "x"],
        ["OPENAI_KEY", "x"],
        ["OPENAI_API_KEY", "x"],
    ],
    ...[
        ["openaiApiKey", "x"],
        ["APIKEY", "x"],
        ["API_KEY_2", "x"],
        ["API_KEYS", "a,b"],
    ],
    ...[
        ["DB_PASSWORD", "1234"],
        ["PGPASSWORD", "x"],
        ["MYSQL_PWD", "x"],
        ["DB_PASS", "x"],
    ],
    ...[
        ["SIGNING_SECRET", "x"],
        ["SSH_PRIVATE_KEY", "x"],
        ["AWS_SECRET_ACCESS_KEY", "/aB/c+d="],
    ],
    ...[
        ["AWS_CREDENTIALS", "{}"],
        ["TLS_KEY", "/9j4AAQSkZJRg"],
        ["PASSWORD_OLD", "x"],
    ],
    ...[
        ["KEY_PASSPHRASE", "x"],
        ["npm_config__authToken", "x"],
        ["SESSION_SECRETS", "x"],
    ],
    ["DATABASE_URL", "postgres://agent:hunter2@db.lan:5432/x"],
    ["REDIS", "redis://:hunter2@cache.lan"],
    ["DSN", "host=db user=agent password=hunter2"],
    ["STORAGE", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=abc=="],
    ["HEADER", "Bearer abcdefgh"],
    ["PEM", "-----BEGIN EC PRIVATE KEY-----\nabc"],
    ["X", `ghp_${"a".repeat(36)}`],
    ["REPO", `https://ghp_${"a".repeat(36)}@example.org/x`],
    ["X", `sk-proj-${"a".repeat(40)}`],
    ["X", `sk-ant-api03-${"a".repeat(40)}`],
    ["X", `xoxb-${"1".repeat(20)}`],
    ["X", `glpat-${"a".repeat(20)}`],
    ["X", `eyJ${"a".repeat(20)}.eyJ${"b".repeat(20)}.c`],
    ["BOT", `123456789:${"a".repeat(35)}`],
])("%s=%s is a secret", (name, value) => {
    expect(looksSecret(name, value)).toBe(true);
});

it.each([
    ...[
        ["MAX_TOKENS", "4096"],
        ["TOKENIZERS_PARALLELISM", "false"],
        ["TOKENIZER", "gpt2"],
    ],
    ...[
        ["OPENAI_MAX_OUTPUT_TOKENS", "4096"],
        ["TOKEN_LIMIT", "x"],
        ["TOKEN_URL", "http://x"],
    ],
    ["GOOGLE_APPLICATION_CREDENTIALS", "/sandbox/key.json"],
    ["GOOGLE_APPLICATION_CREDENTIALS", "~/.config/gcloud/creds"],
    ["POSTGRES_PASSWORD_FILE", "/run/secrets/password"],
    ...[
        ["SSL_KEY", "/etc/ssl/server.key"],
        ["PASSWORD_MIN_LENGTH", "8"],
        ["SECRET_NAME", "x"],
    ],
    ...[
        ["AWS_ACCESS_KEY_ID", "AKIA"],
        ["SSH_PUBLIC_KEY", "ssh-ed25519 AAAA"],
        ["MONKEY", "x"],
    ],
    ...[
        ["CACHE_KEY", "v1"],
        ["KEYBOARD", "de"],
        ["PATH", "/bin:/usr/bin"],
        ["PWD", "/x"],
    ],
    ...[
        ["OLDPWD", "/x"],
        ["COMPASS", "north"],
        ["REQUIRE_PASSWORD", "true"],
        ["PATTERN", "x"],
    ],
    ...[
        ["API_KEY", ""],
        ["SKETCH", "sk-etch"],
        ["PASS_THROUGH", "x"],
        ["BYPASS", "x"],
    ],
    ["DATABASE_URL", "postgres://db.lan:5432/x"],
    ["REPO", "ssh://git@example.org:22/x"],
    ["OPENAI_BASE_URL", "https://api.example.org/v1?a=b:c@d"],
    ["TZ", "Europe/Berlin"],
])("%s=%s is none", (name, value) => {
    expect(looksSecret(name, value)).toBe(false);
});

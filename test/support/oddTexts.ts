/** Texts that something between a file and a program might take for something else. */
export const ODD_TEXTS: readonly string[] = [
    ...["costs $5", "$$5", "$$$", "$(HOME)/x", "$$(HOME)", "$(SANDBOX_TOKEN)", "$(", "$)", "$"],
    ...["${HOME} `id` \\$x", 'it\'s "quoted"', " blanks ", "two\nlines\n", "\t", "", "-n", "--"],
    ...["*", "~", "# no comment", "yes", "0644", "1e5", "{a: b}", "🦞 ü", "%s %%"],
    "x".repeat(20_000),
];

/** The same as environment variables. */
export const ODD_VARIABLES = Object.fromEntries(ODD_TEXTS.map((text, i) => [`ODD_${i}`, text]));

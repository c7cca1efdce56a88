/** Answers that need nothing but a look at the program's folder. */
import * as language from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PackageParameterization } from "@pulumi/pulumi/proto/plugin_pb";
import { availableManagers } from "./install";
import { rawOptions } from "./options";
import { programDependencies, requiredPackages } from "./packages";

/** The plugins a program needs. */
export function required(
    request: language.GetRequiredPackagesRequest,
): language.GetRequiredPackagesResponse {
    const packages = requiredPackages(request.getInfo()?.getProgramDirectory() ?? "");
    return new language.GetRequiredPackagesResponse().setPackagesList(
        packages.map(({ name, version, server, parameterization }) => {
            const dependency = new PackageDependency()
                .setKind("resource")
                .setName(name)
                .setVersion(version)
                .setServer(server ?? "");
            return parameterization
                ? dependency.setParameterization(
                      new PackageParameterization()
                          .setName(parameterization.name)
                          .setVersion(parameterization.version)
                          .setValue(parameterization.value),
                  )
                : dependency;
        }),
    );
}

/** The packages `pulumi about` lists. */
export function dependencies(
    request: language.GetProgramDependenciesRequest,
): language.GetProgramDependenciesResponse {
    const installed = programDependencies(
        request.getInfo()?.getProgramDirectory() ?? "",
        request.getTransitivedependencies(),
    );
    return new language.GetProgramDependenciesResponse().setDependenciesList(
        installed.map(({ name, version }) =>
            new language.DependencyInfo().setName(name).setVersion(version),
        ),
    );
}

/** The node that runs programs. */
export function about(): language.AboutResponse {
    return new language.AboutResponse().setExecutable(process.execPath).setVersion(process.version);
}

/** What `pulumi new` asks: the package manager, unless the project says. */
export function prompts(request: language.RuntimeOptionsRequest): language.RuntimeOptionsResponse {
    const response = new language.RuntimeOptionsResponse();
    if ("packagemanager" in rawOptions(request.getInfo())) {
        return response;
    }
    const { RuntimeOptionType, RuntimeOptionValue } = language.RuntimeOptionPrompt;
    const choices = availableManagers().map((manager) =>
        new RuntimeOptionValue()
            .setPrompttype(RuntimeOptionType.STRING)
            .setStringvalue(manager)
            .setDisplayname(manager),
    );
    const prompt = new language.RuntimeOptionPrompt()
        .setKey("packagemanager")
        .setDescription("The package manager to use for installing dependencies")
        .setPrompttype(RuntimeOptionType.STRING)
        .setChoicesList(choices)
        .setDefault(choices[0]);
    return response.setPromptsList([prompt]);
}

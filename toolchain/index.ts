/**
 * The toolchain's one door: it makes here what a machine without downloads cannot fetch, and installs
 * what Debian has. machine/standIns.ts loads it, and nothing else does.
 */
export { ensurePackages } from "./provide/apt";
export { DAEMON_LOG, hasDocker, installDocker, startDocker } from "./provide/docker";
export { testGoPrograms } from "./provide/goTests";
export { ARCHIVES, buildNodeImage, isCurrent, provideArchives } from "./provide/images";
export { buildPlugins, checkBuild, engineFolder, isEngineBuilt } from "./provide/pulumi";

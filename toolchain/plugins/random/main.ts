#!/usr/bin/env node
/**
 * `pulumi-resource-random`: the stand-in for the random provider plugin, for machines that reach
 * package registries but not the plugin download site.
 */

import { serve } from "../host/serve";
import { randomPlugin } from "./plugin";

serve(randomPlugin("4.21.2"), process.argv.slice(2));

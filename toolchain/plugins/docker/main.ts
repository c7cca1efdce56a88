#!/usr/bin/env node
/**
 * `pulumi-resource-docker`: the stand-in for the docker provider plugin, for machines that reach
 * package registries but not the plugin download site. It gives its answers as the plugin that
 * belongs to the installed SDK does.
 */

import { serve } from "../host/serve";
import { dockerPlugin } from "./plugin";

serve(dockerPlugin("5.2.0"), process.argv.slice(2));

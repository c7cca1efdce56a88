/** The stand-in answering as the version that was recorded. */

import { dockerPlugin } from "../../../toolchain/docker-plugin/plugin";
import { serve } from "../../../toolchain/plugin-host/serve";

serve(dockerPlugin("5.1.0"), process.argv.slice(2));

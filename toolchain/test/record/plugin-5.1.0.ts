/** The stand-in answering as the version that was recorded. */

import { dockerPlugin } from "../../plugins/docker/plugin";
import { serve } from "../../plugins/host/serve";

serve(dockerPlugin("5.1.0"), process.argv.slice(2));

/** Starts each behaviour; each looks for itself whether the page has what it is about. */

import { me } from "./dom.js";
import * as forms from "./forms.js";
import * as tz from "./tz.js";

tz.start();
forms.start();
if (me.id) (await import("./app.js")).start();
if (document.body.dataset.page === "status") (await import("./status.js")).start();
